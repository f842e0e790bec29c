#include "lshjoin/glance.h"

#include <math.h>
#include <string.h>

enum { STRETCH = 128 }; /* coordinates between two looks at a sum */

/* Vectors of gcc and clang, as wide as a level's registers; in memory they lie anywhere. */
#define FLOATS(n) float __attribute__((vector_size(n * sizeof(float)), aligned(sizeof(float)), may_alias))
typedef FLOATS(4) float4;
typedef FLOATS(8) float8;
typedef FLOATS(16) float16;

struct sums {
    float xy, xx, yy;
};

static inline __attribute__((always_inline)) float add_lanes(const void *vector, uint64_t lanes) {
    const float *v = vector;
    float sum[4] = {v[0], v[1], v[2], v[3]};
    for (uint64_t k = 4; k < lanes; k += 4)
        for (int j = 0; j < 4; j++)
            sum[j] += v[k + j];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Two vectors a sum, so that additions need not wait for each other. */
#define DEFINE(level, vector, attribute)                                                                     \
    attribute static struct sums moments_##level(const float *x, const float *y, uint64_t n) {               \
        vector xy0 = {0}, xx0 = {0}, yy0 = {0}, xy1 = {0}, xx1 = {0}, yy1 = {0};                             \
        const uint64_t lanes = sizeof(vector) / sizeof *x;                                                   \
        uint64_t i = 0;                                                                                      \
        for (; i + 2 * lanes <= n; i += 2 * lanes) {                                                         \
            vector a0 = *(const vector *)(x + i), b0 = *(const vector *)(y + i);                             \
            vector a1 = *(const vector *)(x + i + lanes), b1 = *(const vector *)(y + i + lanes);             \
            xy0 += a0 * b0, xx0 += a0 * a0, yy0 += b0 * b0;                                                  \
            xy1 += a1 * b1, xx1 += a1 * a1, yy1 += b1 * b1;                                                  \
        }                                                                                                    \
        for (uint64_t part; i < n; i += part) {                                                              \
            vector a = {0}, b = {0};                                                                         \
            part = n - i < lanes ? n - i : lanes;                                                            \
            memcpy(&a, x + i, part * sizeof(float));                                                         \
            memcpy(&b, y + i, part * sizeof(float));                                                         \
            xy0 += a * b, xx0 += a * a, yy0 += b * b;                                                        \
        }                                                                                                    \
        xy0 += xy1, xx0 += xx1, yy0 += yy1;                                                                  \
        return (struct sums){add_lanes(&xy0, lanes), add_lanes(&xx0, lanes), add_lanes(&yy0, lanes)};        \
    }                                                                                                        \
    attribute static float difference_##level(const float *x, const float *y, uint64_t n, float most) {      \
        vector sum0 = {0}, sum1 = {0};                                                                       \
        const uint64_t lanes = sizeof(vector) / sizeof *x;                                                   \
        float so_far = 0;                                                                                    \
        for (uint64_t i = 0, end; i < n && so_far <= most; so_far = add_lanes(&sum0, lanes)) {               \
            end = i + STRETCH < n ? i + STRETCH : n;                                                         \
            for (; i + 2 * lanes <= end; i += 2 * lanes) {                                                   \
                vector a0 = *(const vector *)(x + i) - *(const vector *)(y + i);                             \
                vector a1 = *(const vector *)(x + i + lanes) - *(const vector *)(y + i + lanes);             \
                sum0 += a0 * a0, sum1 += a1 * a1;                                                            \
            }                                                                                                \
            for (uint64_t part; i < end; i += part) {                                                        \
                vector a = {0}, b = {0};                                                                     \
                part = end - i < lanes ? end - i : lanes;                                                    \
                memcpy(&a, x + i, part * sizeof(float));                                                     \
                memcpy(&b, y + i, part * sizeof(float));                                                     \
                sum0 += (a - b) * (a - b);                                                                   \
            }                                                                                                \
            sum0 += sum1;                                                                                    \
            sum1 = (vector){0};                                                                              \
        }                                                                                                    \
        return so_far;                                                                                       \
    }
#define SCALAR
DEFINE(scalar, float4, SCALAR)
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f")))
DEFINE(avx2, float8, AVX2)
DEFINE(avx512, float16, AVX512)
#else
#define moments_avx2 moments_scalar
#define moments_avx512 moments_scalar
#define difference_avx2 difference_scalar
#define difference_avx512 difference_scalar
#endif

typedef struct sums moments_fn(const float *x, const float *y, uint64_t n);
typedef float difference_fn(const float *x, const float *y, uint64_t n, float most);
static moments_fn *const moments_at[] = {moments_scalar, moments_avx2, moments_avx512};
static difference_fn *const difference_at[] = {difference_scalar, difference_avx2, difference_avx512};

/* What a sum of squares may be wrong by, as a share of it, and a product as a share of |x||y|. A term goes
 * through n/8 additions at most, one more in each stretch, and some ten before and after; k roundings of
 * 2^-24 make less than 2k 2^-24 of it. */
static double error_of(uint64_t n) {
    return ((double)n * 0.15 + 16) * 0x1p-23;
}

/* Neither so many coordinates that errors grow faster, nor sums that overflow or that hold terms which
 * vanish: those are below 2^-149. */
static bool is_sound(uint64_t n, double squares) {
    return n <= 1 << 20 && squares > 0x1p-80 && squares < 0x1p100;
}

static double signed_square(double x) {
    return x * fabs(x);
}

/* One error is the product's, one that of |x||y|, and one or two outweigh all roundings of those who decide.
 * A root would take as long as the sums. */
bool glance_cosine_below(const float *x, const float *y, uint64_t n, double least, enum simd simd) {
    struct sums s = moments_at[simd](x, y, n);
    double xx = (double)s.xx, yy = (double)s.yy;
    return is_sound(n, xx) && is_sound(n, yy) &&
           signed_square((double)s.xy) < signed_square(least - 4 * error_of(n)) * xx * yy;
}

/* |x||y| is at most the mean of their squares. */
bool glance_product_below(const float *x, const float *y, uint64_t n, double least, enum simd simd) {
    struct sums s = moments_at[simd](x, y, n);
    double xx = (double)s.xx, yy = (double)s.yy;
    return is_sound(n, xx) && is_sound(n, yy) && (double)s.xy < least - 2 * error_of(n) * (xx + yy);
}

bool glance_difference_above(const float *x, const float *y, uint64_t n, double most, enum simd simd) {
    float limit = (float)(most * (1 + 4 * error_of(n)));
    return is_sound(n, most) && difference_at[simd](x, y, n, limit) > limit;
}
