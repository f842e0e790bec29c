#include "lshjoin/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lshjoin/base.h"

double random_uniform(struct random *r) {
    r->state += 0x9e3779b97f4a7c15u;
    return ((double)(mix64(r->state) >> 11) + 0.5) * 0x1p-53;
}

/* ln x for x > 0 by ln m = 2 artanh((m-1)/(m+1)), m in [1/sqrt 2, sqrt 2): libm's own may differ from one CPU
 * to the next. */
static double natural_log(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
    memcpy(&x, &bits, sizeof x);
    if (x > 1.4142135623730951) {
        x /= 2;
        exponent++;
    }
    double t = (x - 1) / (x + 1), t2 = t * t, sum = 0;
    for (int k = 19; k > 0; k -= 2)
        sum = sum * t2 + 1.0 / k;
    return 2 * t * sum + exponent * 0.6931471805599453;
}

double random_normal(struct random *r) {
    double u, v, s;
    do {
        u = 2 * random_uniform(r) - 1;
        v = 2 * random_uniform(r) - 1;
        s = u * u + v * v;
    } while (s >= 1);
    return u * sqrt(-2 * natural_log(s) / s); /* sqrt is exact to the last bit by IEEE 754 */
}

struct project project_create(uint32_t m, uint64_t width, uint64_t seed, enum simd simd) {
    struct project p = {.m = m, .width = width, .simd = simd};
    uint64_t stride = project_stride(&p);
    p.panel = mem_zero(stride * width, sizeof *p.panel);
    for (uint64_t k = 0; k < m; k++) {
        struct random r = {mix64(mix64(seed + 1) ^ (k + 1))};
        float *column = p.panel + k / PROJECT_PANEL * width * PROJECT_PANEL + k % PROJECT_PANEL;
        for (uint64_t i = 0; i < width; i++)
            column[i * PROJECT_PANEL] = (float)random_normal(&r);
    }
    return p;
}

void project_free(struct project *p) {
    free(p->panel);
}

/* The products of up to ROWS vectors, `width` apart, with the first `used` directions of a panel (those up to
 * the next multiple of PART too, whatever they are); out is `stride` apart. */
enum { ROWS = 4, PART = 16 };

typedef void panel_fn(const float *x, uint64_t rows, uint64_t width, const float *panel, uint64_t used,
                      float *out, uint64_t stride);

/* The meaning of all of them. */
static void panel_scalar(const float *x, uint64_t rows, uint64_t width, const float *panel, uint64_t used,
                         float *out, uint64_t stride) {
    for (uint64_t r = 0; r < rows; r++)
        for (uint64_t k = 0; k < used; k++) {
            float sum = 0;
            for (uint64_t i = 0; i < width; i++)
                sum = fmaf(x[r * width + i], panel[i * PROJECT_PANEL + k], sum);
            out[r * stride + k] = sum;
        }
}

#if defined(__x86_64__)
/* `parts` is constant where this is called, so that the sums stay in registers. */
__attribute__((target("avx512f"), always_inline)) static inline void
parts_avx512(int parts, const float *x, uint64_t rows, uint64_t width, const float *panel, float *out,
             uint64_t stride) {
    __m512 sum[ROWS][PROJECT_PANEL / PART];
    const float *row[ROWS];
    for (uint64_t r = 0; r < ROWS; r++) { /* missing rows repeat the first; their products are not stored */
        row[r] = x + (r < rows ? r : 0) * width;
        for (int q = 0; q < parts; q++)
            sum[r][q] = _mm512_setzero_ps();
    }
    for (uint64_t i = 0; i < width; i++, panel += PROJECT_PANEL)
        for (int q = 0; q < parts; q++) {
            __m512 direction = _mm512_loadu_ps(panel + PART * q);
            for (int r = 0; r < ROWS; r++)
                sum[r][q] = _mm512_fmadd_ps(_mm512_set1_ps(row[r][i]), direction, sum[r][q]);
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
            __m256 a = _mm256_loadu_ps(panel + i * PROJECT_PANEL + part);
            __m256 b = _mm256_loadu_ps(panel + i * PROJECT_PANEL + part + 8);
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

void project_rows(const struct project *p, const float *x, uint64_t n, float *out) {
    uint64_t stride = project_stride(p);
    for (uint64_t k = 0; k < stride; k += PROJECT_PANEL) /* a panel stays in the cache for all rows */
        for (uint64_t r = 0; r < n; r += ROWS)
            panel_at[p->simd](x + r * p->width, min_u64(ROWS, n - r), p->width, p->panel + k * p->width,
                              min_u64(PROJECT_PANEL, p->m - k), out + r * stride + k, stride);
}
