#include "lshjoin/distance.h"

enum { LANES = 8 };

/* Eight lanes as a vector type of gcc and clang: the compiler splits it to what the processor has, and no
 * lane's bits depend on that. */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

static inline __attribute__((always_inline)) double add_lanes(const lanes *sum) {
    const double *v = (const double *)sum;
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

struct sums {
    lanes xy, xx, yy, difference;
};

static inline __attribute__((always_inline)) void add(struct sums *s, const lanes *a, const lanes *b) {
    lanes d = *a - *b;
    s->xy += *a * *b;
    s->xx += *a * *a;
    s->yy += *b * *b;
    s->difference += d * d;
}

/* One text for both widths and all levels. */
#define DEFINE_MOMENTS(name, type, attribute)                                                                \
    attribute static struct moments name(const type *x, const type *y, uint64_t n) {                         \
        struct sums s = {{0}, {0}, {0}, {0}};                                                                \
        uint64_t i = 0;                                                                                      \
        for (; i + LANES <= n; i += LANES) {                                                                 \
            lanes a = {x[i], x[i + 1], x[i + 2], x[i + 3], x[i + 4], x[i + 5], x[i + 6], x[i + 7]};          \
            lanes b = {y[i], y[i + 1], y[i + 2], y[i + 3], y[i + 4], y[i + 5], y[i + 6], y[i + 7]};          \
            add(&s, &a, &b);                                                                                 \
        }                                                                                                    \
        lanes a = {0}, b = {0};                                                                              \
        for (int k = 0; i < n; i++, k++) {                                                                   \
            a[k] = x[i];                                                                                     \
            b[k] = y[i];                                                                                     \
        }                                                                                                    \
        add(&s, &a, &b);                                                                                     \
        return (struct moments){add_lanes(&s.xy), add_lanes(&s.xx), add_lanes(&s.yy),                        \
                                add_lanes(&s.difference)};                                                   \
    }
#define SCALAR
DEFINE_MOMENTS(float_scalar, float, SCALAR)
DEFINE_MOMENTS(double_scalar, double, SCALAR)
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f")))
DEFINE_MOMENTS(float_avx2, float, AVX2)
DEFINE_MOMENTS(double_avx2, double, AVX2)
DEFINE_MOMENTS(float_avx512, float, AVX512)
DEFINE_MOMENTS(double_avx512, double, AVX512)
#endif

struct moments vector_moments(const void *x, const void *y, uint64_t n, size_t item, enum simd simd) {
#if defined(__x86_64__)
    if (simd == SIMD_AVX512)
        return item == sizeof(float) ? float_avx512(x, y, n) : double_avx512(x, y, n);
    if (simd == SIMD_AVX2)
        return item == sizeof(float) ? float_avx2(x, y, n) : double_avx2(x, y, n);
#endif
    (void)simd;
    return item == sizeof(float) ? float_scalar(x, y, n) : double_scalar(x, y, n);
}
