#include "lshjoin/distance.h"

#include <stdbool.h>

enum { LANES = 8, STRETCH = 128 }; /* coordinates between two looks at the sum */

/* Eight lanes as a vector type of gcc and clang: the compiler splits it to what the processor has, and no
 * lane's bits depend on that. */
typedef double lanes __attribute__((vector_size(LANES * sizeof(double))));

static inline __attribute__((always_inline)) double add_lanes(const lanes *sum) {
    const double *v = (const double *)sum;
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

struct sums {
    lanes xy, xx, yy;
};

static inline __attribute__((always_inline)) void add_moments(struct sums *s, const lanes *a,
                                                              const lanes *b) {
    s->xy += *a * *b;
    s->xx += *a * *a;
    s->yy += *b * *b;
}

static inline __attribute__((always_inline)) void add_difference(lanes *sum, const lanes *a, const lanes *b) {
    lanes d = *a - *b;
    *sum += d * d;
}

/* Coordinates [i, end) of x and y into the sums, the last ones padded with zeros. */
#define ADD_ALL(add, sums, i, end)                                                                           \
    for (; i + LANES <= end; i += LANES) {                                                                   \
        lanes a = {x[i], x[i + 1], x[i + 2], x[i + 3], x[i + 4], x[i + 5], x[i + 6], x[i + 7]};              \
        lanes b = {y[i], y[i + 1], y[i + 2], y[i + 3], y[i + 4], y[i + 5], y[i + 6], y[i + 7]};              \
        add(sums, &a, &b);                                                                                   \
    }                                                                                                        \
    if (i < end) {                                                                                           \
        lanes a = {0}, b = {0};                                                                              \
        for (int k = 0; i < end; i++, k++) {                                                                 \
            a[k] = x[i];                                                                                     \
            b[k] = y[i];                                                                                     \
        }                                                                                                    \
        add(sums, &a, &b);                                                                                   \
    }

/* One text for both widths and all levels. */
#define DEFINE(level, type, attribute)                                                                       \
    attribute static struct moments moments_##type##_##level(const type *x, const type *y, uint64_t n) {     \
        struct sums s = {{0}, {0}, {0}};                                                                     \
        uint64_t i = 0;                                                                                      \
        ADD_ALL(add_moments, &s, i, n)                                                                       \
        return (struct moments){add_lanes(&s.xy), add_lanes(&s.xx), add_lanes(&s.yy)};                       \
    }                                                                                                        \
    attribute static double difference_##type##_##level(const type *x, const type *y, uint64_t n,            \
                                                        double most) {                                       \
        lanes s = {0};                                                                                       \
        double sum = 0;                                                                                      \
        for (uint64_t i = 0, end; i < n && sum <= most; sum = add_lanes(&s)) {                               \
            end = i + STRETCH < n ? i + STRETCH : n;                                                         \
            ADD_ALL(add_difference, &s, i, end)                                                              \
        }                                                                                                    \
        return sum;                                                                                          \
    }
#define SCALAR
DEFINE(scalar, float, SCALAR)
DEFINE(scalar, double, SCALAR)
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f")))
DEFINE(avx2, float, AVX2)
DEFINE(avx2, double, AVX2)
DEFINE(avx512, float, AVX512)
DEFINE(avx512, double, AVX512)
#endif

struct moments vector_moments(const void *x, const void *y, uint64_t n, size_t item, enum simd simd) {
#if defined(__x86_64__)
    if (simd == SIMD_AVX512)
        return item == sizeof(float) ? moments_float_avx512(x, y, n) : moments_double_avx512(x, y, n);
    if (simd == SIMD_AVX2)
        return item == sizeof(float) ? moments_float_avx2(x, y, n) : moments_double_avx2(x, y, n);
#endif
    (void)simd;
    return item == sizeof(float) ? moments_float_scalar(x, y, n) : moments_double_scalar(x, y, n);
}

double vector_difference(const void *x, const void *y, uint64_t n, size_t item, double most, enum simd simd) {
    bool narrow = item == sizeof(float);
#if defined(__x86_64__)
    if (simd == SIMD_AVX512)
        return narrow ? difference_float_avx512(x, y, n, most) : difference_double_avx512(x, y, n, most);
    if (simd == SIMD_AVX2)
        return narrow ? difference_float_avx2(x, y, n, most) : difference_double_avx2(x, y, n, most);
#endif
    (void)simd;
    return narrow ? difference_float_scalar(x, y, n, most) : difference_double_scalar(x, y, n, most);
}
