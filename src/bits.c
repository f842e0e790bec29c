#include "lshjoin/bits.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { WORD = 64 };

/* The meaning of all of them: a word each. */
static uint64_t signs_scalar(const float *product) {
    uint64_t word = 0;
    for (int k = 0; k < WORD; k++)
        word |= (uint64_t)(product[k] >= 0) << k;
    return word;
}

static uint64_t buckets_scalar(const float *product, const double *shift, double per_width) {
    uint64_t word = 0;
    for (int k = 0; k < WORD; k++)
        word |= ((uint64_t)bucket_number(bucket_place(product[k], shift[k], per_width)) & 1) << k;
    return word;
}

#if defined(__x86_64__)
/* There is no conversion of doubles to 64 bits before AVX-512, but a bucket's number is odd where half its
 * place lies in the upper half of a unit. Halves are exact, and so is a half's distance from the whole number
 * below wherever it is less than 1/2: rounding moves nothing across. From 2^53 on all numbers are even, so
 * there is no need of the limit. */
__attribute__((target("avx2"))) static uint64_t signs_avx2(const float *product) {
    uint64_t word = 0;
    for (int k = 0; k < WORD; k += 8) {
        __m256 is = _mm256_cmp_ps(_mm256_loadu_ps(product + k), _mm256_setzero_ps(), _CMP_GE_OQ);
        word |= (uint64_t)(unsigned)_mm256_movemask_ps(is) << k;
    }
    return word;
}

__attribute__((target("avx2"))) static uint64_t buckets_avx2(const float *product, const double *shift,
                                                             double per_width) {
    __m256d per_two = _mm256_set1_pd(per_width / 2);
    uint64_t word = 0;
    for (int k = 0; k < WORD; k += 4) {
        __m256d sum = _mm256_add_pd(_mm256_cvtps_pd(_mm_loadu_ps(product + k)), _mm256_loadu_pd(shift + k));
        __m256d half = _mm256_mul_pd(sum, per_two);
        __m256d is =
            _mm256_cmp_pd(_mm256_sub_pd(half, _mm256_floor_pd(half)), _mm256_set1_pd(0.5), _CMP_GE_OQ);
        word |= (uint64_t)(unsigned)_mm256_movemask_pd(is) << k;
    }
    return word;
}

__attribute__((target("avx512f"))) static uint64_t signs_avx512(const float *product) {
    uint64_t word = 0;
    for (int k = 0; k < WORD; k += 16)
        word |= (uint64_t)_mm512_cmp_ps_mask(_mm512_loadu_ps(product + k), _mm512_setzero_ps(), _CMP_GE_OQ)
                << k;
    return word;
}

__attribute__((target("avx512f"))) static uint64_t buckets_avx512(const float *product, const double *shift,
                                                                  double per_width) {
    __m512d per_two = _mm512_set1_pd(per_width / 2);
    uint64_t word = 0;
    for (int k = 0; k < WORD; k += 8) {
        __m512d sum =
            _mm512_add_pd(_mm512_cvtps_pd(_mm256_loadu_ps(product + k)), _mm512_loadu_pd(shift + k));
        __m512d half = _mm512_mul_pd(sum, per_two);
        __m512d into = _mm512_sub_pd(half, _mm512_floor_pd(half));
        word |= (uint64_t)_mm512_cmp_pd_mask(into, _mm512_set1_pd(0.5), _CMP_GE_OQ) << k;
    }
    return word;
}
#else
#define signs_avx2 signs_scalar
#define signs_avx512 signs_scalar
#define buckets_avx2 buckets_scalar
#define buckets_avx512 buckets_scalar
#endif

static uint64_t (*const signs_at[])(const float *) = {signs_scalar, signs_avx2, signs_avx512};
static uint64_t (*const buckets_at[])(const float *, const double *, double) = {buckets_scalar, buckets_avx2,
                                                                                buckets_avx512};

void bits_of_signs(enum simd simd, const float *product, uint32_t n, uint64_t *words) {
    for (uint32_t w = 0; w < n; w++)
        words[w] = signs_at[simd](product + WORD * w);
}

void bits_of_buckets(enum simd simd, const float *product, const double *shift, double per_width, uint32_t n,
                     uint64_t *words) {
    for (uint32_t w = 0; w < n; w++)
        words[w] = buckets_at[simd](product + WORD * w, shift + WORD * w, per_width);
}
