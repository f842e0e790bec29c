#include "lshjoin/project.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/logarithm.h"

double random_uniform(struct random *r) {
    r->state += 0x9e3779b97f4a7c15u;
    return ((double)(mix64(r->state) >> 11) + 0.5) * 0x1p-53;
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
    return project_part(0, m, width, seed, simd);
}

struct project project_part(uint32_t first, uint32_t m, uint64_t width, uint64_t seed, enum simd simd) {
    struct project p = {.m = m, .width = width, .simd = simd};
    uint64_t stride = project_stride(&p);
    p.panel = mem_zero(stride * width, sizeof *p.panel);
    for (uint64_t k = 0; k < m; k++) {
        struct random r = {mix64(mix64(seed + 1) ^ (first + k + 1))};
        float *column = p.panel + k / PROJECT_PANEL * width * PROJECT_PANEL + k % PROJECT_PANEL;
        for (uint64_t i = 0; i < width; i++)
            column[i * PROJECT_PANEL] = (float)random_normal(&r);
    }
    return p;
}

void project_free(struct project *p) {
    free(p->panel);
}

void project_rows(const struct project *p, const float *x, uint64_t n, float *out) {
    uint64_t stride = project_stride(p);
    for (uint64_t k = 0; k < stride; k += PROJECT_PANEL) /* a panel stays in the cache for all rows */
        for (uint64_t r = 0; r < n; r += PRODUCT_ROWS)
            product_panel(p->simd, x + r * p->width, min_u64(PRODUCT_ROWS, n - r), p->width,
                          p->panel + k * p->width, min_u64(PROJECT_PANEL, p->m - k), out + r * stride + k,
                          stride);
}
