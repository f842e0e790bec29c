#include "lshjoin/sieve.h"

#include <math.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lshjoin/base.h"

static const double unit = 0x1p-24; /* of single precision: the largest relative error of a rounding */

static double coordinate(const void *row, uint64_t k, size_t item) {
    return item == sizeof(float) ? (double)((const float *)row)[k] : ((const double *)row)[k];
}

void sieve_box(const struct records *r, double *box) {
    for (uint64_t k = 0; k < 2 * r->width; k++)
        box[k] = -INFINITY;
    for (uint64_t i = 0; i < r->n; i++) {
        const void *row = records_row(r, i);
        if (isnan(coordinate(row, 0, r->item))) /* left out */
            continue;
        for (uint64_t k = 0; k < r->width; k++) {
            double x = coordinate(row, k, r->item);
            box[k] = x > box[k] ? x : box[k];
            box[r->width + k] = -x > box[r->width + k] ? -x : box[r->width + k];
        }
    }
}

/* Middle of the box, and its diagonal as the scale's inverse. */
static double lay_out(struct sieve *s, const double *box) {
    double squares = 0;
    s->middle = mem_alloc(s->width, sizeof *s->middle);
    for (uint64_t k = 0; k < s->width; k++) {
        double high = box[k], low = -box[s->width + k];
        s->middle[k] = low / 2 + high / 2;
        squares += (high - low) * (high - low);
    }
    return sqrt(squares); /* twice what a row can be from the middle: |X| <= 1/2 and some roundings */
}

struct sieve sieve_create(const struct family *family, const struct records *like, double norm,
                          const double *box, enum simd simd) {
    struct sieve s = {.width = like->width, .item = like->item, .simd = simd, .scale = 1};
    double errors = ((double)like->width + 16) * unit, size = 1;
    s.error = errors / (1 - errors);
    s.tiny = ((double)like->width + 16) * 0x1p-146;
    s.kind = family->smaller_is_nearer ? SIEVE_DISTANCE : family->refuses_zero ? SIEVE_COSINE : SIEVE_PRODUCT;
    if (s.kind == SIEVE_PRODUCT)
        size = norm;
    if (s.kind == SIEVE_DISTANCE)
        size = lay_out(&s, box);
    s.passes_all = !(errors < 0.25 && size > 1e-30 && size < 1e32);
    if (!s.passes_all)
        s.scale = 1 / size;
    return s;
}

void sieve_free(struct sieve *s) {
    free(s->middle);
    *s = (struct sieve){0};
}

static inline double square_at(const struct sieve *s, const void *row, uint64_t k) {
    double x = coordinate(row, k, s->item) - (s->middle ? s->middle[k] : 0);
    return x * x;
}

/* What the row is multiplied by, and its square about the middle, in lanes that need not wait for each other.
 */
static double scale_of(const struct sieve *s, const void *row, double *squares) {
    enum { LANES = 4 };
    double lane[LANES] = {0};
    uint64_t k = 0;
    for (; k + LANES <= s->width; k += LANES)
        for (uint64_t j = 0; j < LANES; j++)
            lane[j] += square_at(s, row, k + j);
    for (; k < s->width; k++)
        lane[0] += square_at(s, row, k);
    *squares = (lane[0] + lane[1]) + (lane[2] + lane[3]);
    return s->kind == SIEVE_COSINE ? 1 / sqrt(*squares) : s->scale;
}

struct image sieve_image(const struct sieve *s, const void *row, float *out, uint64_t stride) {
    double squares, scale = s->passes_all ? 0 : scale_of(s, row, &squares);
    for (uint64_t k = 0; k < s->width; k++)
        out[k * stride] = (float)((coordinate(row, k, s->item) - (s->middle ? s->middle[k] : 0)) * scale);
    if (s->passes_all)
        return (struct image){0, 1};
    squares *= scale * scale;
    return (struct image){squares / 2, (float)(sqrt(squares) * (1 + 2 * unit))};
}

float sieve_base(const struct sieve *s, struct image y, double limit) {
    double base, parts;
    if (s->kind == SIEVE_DISTANCE) {
        /* the squares of verify, and of differences from the middle, are off by far less than this */
        double radius = limit * s->scale * (1 + 4 * unit) + 0x1p-48;
        base = y.half - radius * radius / 2;
        parts = y.half + radius * radius / 2;
    } else {
        base = limit * s->scale * s->scale;
        parts = fabs(base);
    }
    base -= 8 * unit * parts + s->tiny; /* for the rounding to a float, and those of the bound's sum */
    if (s->passes_all || base < -4)
        return -4; /* products are above -2, and offsets below 1 */
    return base > 4 ? 4 : (float)base;
}

float sieve_offset(const struct sieve *s, struct image x) {
    return s->kind == SIEVE_DISTANCE ? (float)(x.half * (1 - 8 * unit)) : 0;
}

float sieve_weight(const struct sieve *s, struct image x) {
    return s->passes_all ? 0 : (float)(s->error * (1 + 8 * unit)) * x.size;
}

/* The meaning of all of them. */
static uint64_t pass_scalar(const float *product, const float *base, const float *size, float weight,
                            float offset) {
    uint64_t passed = 0;
    for (int k = 0; k < PRODUCT_PANEL; k++)
        passed |= (uint64_t)(product[k] >= fmaf(-weight, size[k], base[k]) + offset) << k;
    return passed;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static uint64_t
pass_avx512(const float *product, const float *base, const float *size, float weight, float offset) {
    __m512 w = _mm512_set1_ps(weight), o = _mm512_set1_ps(offset);
    uint64_t passed = 0;
    for (int k = 0; k < PRODUCT_PANEL; k += 16) {
        __m512 least =
            _mm512_add_ps(_mm512_fnmadd_ps(w, _mm512_loadu_ps(size + k), _mm512_loadu_ps(base + k)), o);
        passed |= (uint64_t)_mm512_cmp_ps_mask(_mm512_loadu_ps(product + k), least, _CMP_GE_OQ) << k;
    }
    return passed;
}

__attribute__((target("avx2,fma"))) static uint64_t pass_avx2(const float *product, const float *base,
                                                              const float *size, float weight, float offset) {
    __m256 w = _mm256_set1_ps(weight), o = _mm256_set1_ps(offset);
    uint64_t passed = 0;
    for (int k = 0; k < PRODUCT_PANEL; k += 8) {
        __m256 least =
            _mm256_add_ps(_mm256_fnmadd_ps(w, _mm256_loadu_ps(size + k), _mm256_loadu_ps(base + k)), o);
        __m256 reaches = _mm256_cmp_ps(_mm256_loadu_ps(product + k), least, _CMP_GE_OQ);
        passed |= (uint64_t)(unsigned)_mm256_movemask_ps(reaches) << k;
    }
    return passed;
}
#else
#define pass_avx2 pass_scalar
#define pass_avx512 pass_scalar
#endif

uint64_t sieve_pass(const struct sieve *s, const float *product, const float *base, const float *size,
                    float weight, float offset) {
    static uint64_t (*const pass_at[])(const float *, const float *, const float *, float,
                                       float) = {pass_scalar, pass_avx2, pass_avx512};
    return pass_at[s->simd](product, base, size, weight, offset);
}
