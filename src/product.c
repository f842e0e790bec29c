#include "lshjoin/product.h"

#include <math.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROWS = PRODUCT_ROWS, PANEL = PRODUCT_PANEL, PART = 16 };

typedef void panel_fn(const float *x, uint64_t rows, uint64_t width, const float *panel, uint64_t used,
                      float *out, uint64_t stride);

/* The meaning of all of them. */
static void panel_scalar(const float *x, uint64_t rows, uint64_t width, const float *panel, uint64_t used,
                         float *out, uint64_t stride) {
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t k = 0; k < used; k++) {
            float sum = 0;
            for (uint64_t i = 0; i < width; i++)
                sum = fmaf(x[r * width + i], panel[i * PANEL + k], sum);
            out[r * stride + k] = sum;
        }
}

#if defined(__x86_64__)
/* `parts` is constant where this is called, so that the sums stay in registers. */
__attribute__((target("avx512f"), always_inline)) static inline void
parts_avx512(int parts, const float *x, uint64_t rows, uint64_t width, const float *panel, float *out,
             uint64_t stride) {
    __m512 sum[ROWS][PANEL / PART];
    const float *row[ROWS];
    for (uint64_t r = 0; r < ROWS; r++) { /* missing rows repeat the first; their products are not stored */
        row[r] = x + (r < rows ? r : 0) * width;
        for (int q = 0; q < parts; q++)
            sum[r][q] = _mm512_setzero_ps();
    }
    for (uint64_t i = 0; i < width; i++, panel += PANEL)
        for (int q = 0; q < parts; q++) {
            __m512 columns = _mm512_loadu_ps(panel + PART * q);
            for (int r = 0; r < ROWS; r++)
                sum[r][q] = _mm512_fmadd_ps(_mm512_set1_ps(row[r][i]), columns, sum[r][q]);
        }
    for (uint64_t r = 0; r < rows; r++)
        for (int q = 0; q < parts; q++)
            _mm512_storeu_ps(out + r * stride + PART * q, sum[r][q]);
}

__attribute__((target("avx512f"))) static void panel_avx512(const float *x, uint64_t rows, uint64_t width,
                                                            const float *panel, uint64_t used, float *out,
                                                            uint64_t stride) {
    switch ((used + PART - 1) / PART) {
    case 1:
        parts_avx512(1, x, rows, width, panel, out, stride);
        break;
    case 2:
        parts_avx512(2, x, rows, width, panel, out, stride);
        break;
    case 3:
        parts_avx512(3, x, rows, width, panel, out, stride);
        break;
    default:
        parts_avx512(4, x, rows, width, panel, out, stride);
    }
}

__attribute__((target("avx2,fma"))) static void panel_avx2(const float *x, uint64_t rows, uint64_t width,
                                                           const float *panel, uint64_t used, float *out,
                                                           uint64_t stride) {
    const float *row[ROWS];
    for (uint64_t r = 0; r < ROWS; r++)
        row[r] = x + (r < rows ? r : 0) * width;
    for (uint64_t part = 0; part < used; part += PART) { /* as many as have sums that fit the registers */
        __m256 sum[ROWS][2];
        for (int r = 0; r < ROWS; r++)
            sum[r][0] = sum[r][1] = _mm256_setzero_ps();
        for (uint64_t i = 0; i < width; i++) {
            __m256 a = _mm256_loadu_ps(panel + i * PANEL + part);
            __m256 b = _mm256_loadu_ps(panel + i * PANEL + part + 8);
            for (int r = 0; r < ROWS; r++) {
                __m256 coordinate = _mm256_set1_ps(row[r][i]);
                sum[r][0] = _mm256_fmadd_ps(coordinate, a, sum[r][0]);
                sum[r][1] = _mm256_fmadd_ps(coordinate, b, sum[r][1]);
            }
        }
        for (uint64_t r = 0; r < rows; r++) {
            _mm256_storeu_ps(out + r * stride + part, sum[r][0]);
            _mm256_storeu_ps(out + r * stride + part + 8, sum[r][1]);
        }
    }
}
#else
#define panel_avx2 panel_scalar
#define panel_avx512 panel_scalar
#endif

static panel_fn *const panel_at[] = {panel_scalar, panel_avx2, panel_avx512};

void product_panel(enum simd simd, const float *x, uint64_t rows, uint64_t width, const float *panel,
                   uint64_t used, float *out, uint64_t stride) {
    panel_at[simd](x, rows, width, panel, used, out, stride);
}
