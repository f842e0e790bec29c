#include "lshjoin/distance.h"

#include <stdbool.h>
#include <string.h>

enum { LANES = 8, STRETCH = 128 }; /* coordinates between two looks at the sum */

/* Vector types of gcc and clang, each as wide as a level's registers: the compiler would keep wider ones in
 * memory. The eight lanes are one of them or several, and no lane's bits depend on that. */
typedef double double2 __attribute__((vector_size(2 * sizeof(double))));
typedef double double4 __attribute__((vector_size(4 * sizeof(double))));
typedef double double8 __attribute__((vector_size(8 * sizeof(double))));

/* Coordinates as such. */
#define LOAD2(x)                                                                                             \
    { (x)[0], (x)[1] }
#define LOAD4(x)                                                                                             \
    { (x)[0], (x)[1], (x)[2], (x)[3] }
#define LOAD8(x)                                                                                             \
    { (x)[0], (x)[1], (x)[2], (x)[3], (x)[4], (x)[5], (x)[6], (x)[7] }

static inline __attribute__((always_inline)) double add_lanes(const void *sum) {
    double v[LANES];
    memcpy(v, sum, sizeof v);
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

#define ADD_MOMENTS(p, a, b)                                                                                 \
    xy[p] += (a) * (b);                                                                                      \
    xx[p] += (a) * (a);                                                                                      \
    yy[p] += (b) * (b);

#define ADD_DIFFERENCE(p, a, b) sum[p] += ((a) - (b)) * ((a) - (b));

/* Eight coordinates from x and y on. */
#define ADD_EIGHT(add, lanes, x, y)                                                                          \
    for (int p = 0; p < LANES / lanes; p++) {                                                                \
        double##lanes a = LOAD##lanes(x + p * lanes), b = LOAD##lanes(y + p * lanes);                        \
        add(p, a, b)                                                                                         \
    }

/* Coordinates [i, end) of x and y, the last ones padded with zeros. */
#define ADD_ALL(add, type, lanes, i, end)                                                                    \
    for (; i + LANES <= end; i += LANES)                                                                     \
        ADD_EIGHT(add, lanes, (x + i), (y + i))                                                              \
    if (i < end) {                                                                                           \
        type rest_x[LANES] = {0}, rest_y[LANES] = {0};                                                       \
        for (int k = 0; i < end; i++, k++) {                                                                 \
            rest_x[k] = x[i];                                                                                \
            rest_y[k] = y[i];                                                                                \
        }                                                                                                    \
        ADD_EIGHT(add, lanes, rest_x, rest_y)                                                                \
    }

/* One text for both widths and all levels. */
#define DEFINE(level, type, lanes, attribute)                                                                \
    attribute static struct moments moments_##type##_##level(const type *x, const type *y, uint64_t n) {     \
        double##lanes xy[LANES / lanes] = {{0}}, xx[LANES / lanes] = {{0}}, yy[LANES / lanes] = {{0}};       \
        uint64_t i = 0;                                                                                      \
        ADD_ALL(ADD_MOMENTS, type, lanes, i, n)                                                              \
        return (struct moments){add_lanes(xy), add_lanes(xx), add_lanes(yy)};                                \
    }                                                                                                        \
    attribute static double difference_##type##_##level(const type *x, const type *y, uint64_t n,            \
                                                        double most) {                                       \
        double##lanes sum[LANES / lanes] = {{0}};                                                            \
        double so_far = 0;                                                                                   \
        for (uint64_t i = 0, end; i < n && so_far <= most; so_far = add_lanes(sum)) {                        \
            end = i + STRETCH < n ? i + STRETCH : n;                                                         \
            ADD_ALL(ADD_DIFFERENCE, type, lanes, i, end)                                                     \
        }                                                                                                    \
        return so_far;                                                                                       \
    }
#define SCALAR
DEFINE(scalar, float, 2, SCALAR)
DEFINE(scalar, double, 2, SCALAR)
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f")))
DEFINE(avx2, float, 4, AVX2)
DEFINE(avx2, double, 4, AVX2)
DEFINE(avx512, float, 8, AVX512)
DEFINE(avx512, double, 8, AVX512)
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
