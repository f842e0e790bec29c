/* project_rate ROWS WIDTH DIRECTIONS: CPU seconds of project_rows for such a product, on one core. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

#include "lshjoin/base.h"
#include "lshjoin/project.h"

enum { TOGETHER = 128 }; /* rows of one call, as when records are signed */

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double time_product(const struct project *p, const float *x, uint64_t rows, float *out) {
    double start = cpu_seconds();
    for (uint64_t row = 0; row < rows; row += TOGETHER)
        project_rows(p, x + row * p->width, min_u64(TOGETHER, rows - row), out);
    return cpu_seconds() - start;
}

int main(int argc, char **argv) {
    uint64_t size[3];
    for (int i = 0; i < 3; i++)
        if (argc != 4 || (size[i] = strtoul(argv[i + 1], NULL, 10)) == 0 || size[i] > 1u << 30) {
            fprintf(stderr, "usage: %s ROWS WIDTH DIRECTIONS\n", argv[0]);
            return EX_USAGE;
        }
    uint64_t rows = size[0], width = size[1];
    struct project p = project_create((uint32_t)size[2], width, 0, cpu_simd());
    float *x = mem_alloc(rows * width, sizeof *x),
          *out = mem_alloc(TOGETHER * project_stride(&p), sizeof *out);
    struct random r = {1};
    for (uint64_t i = 0; i < rows * width; i++)
        x[i] = (float)random_uniform(&r) - 0.5f;
    double best = 1e9;
    for (int i = 0; i < 3; i++) { /* the first one warms up */
        double seconds = time_product(&p, x, rows, out);
        best = seconds < best ? seconds : best;
    }
    printf("%s %.6f\n", cpu_simd_name(p.simd), best);
    free(x);
    free(out);
    project_free(&p);
    return 0;
}
