/* CPU time of signing a weighted set, on one core: dart.h beside ICWS (Ioffe 2010), which draws three numbers
 * for every element and symbol. Prints a line a size of set: elements, microseconds of both, and their ratio.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lshjoin/base.h"
#include "lshjoin/dart.h"
#include "lshjoin/weighted.h"

enum { SYMBOLS = 64, LARGEST = 10000 };

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double uniform(uint64_t hash) {
    return ((double)(hash >> 11) + 0.5) * 0x1p-53;
}

static void icws_sign(const struct weighted_wide *set, uint64_t n, uint32_t *symbols) {
    for (uint64_t k = 0; k < SYMBOLS; k++) {
        double least = INFINITY;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t key = mix64(set[i].element * 0x9e3779b97f4a7c15u + k);
            double r = -log(uniform(mix64(key + 1)) * uniform(mix64(key + 2))); /* Gamma(2, 1) */
            double c = -log(uniform(mix64(key + 3)) * uniform(mix64(key + 4)));
            double beta = uniform(mix64(key + 5)), t = floor(log(set[i].weight) / r + beta);
            double rank = log(c) - r * (t - beta) - r;
            if (rank < least) {
                least = rank;
                symbols[k] = (uint32_t)mix64(key + (uint64_t)(int64_t)t);
            }
        }
    }
}

int main(void) {
    struct weighted_wide *set = mem_alloc(LARGEST, sizeof *set);
    struct dart d = dart_create(SYMBOLS, 1);
    struct dart_board board = dart_board_create(&d);
    uint32_t symbols[SYMBOLS];
    for (uint64_t n = 1; n <= LARGEST; n *= 10) {
        for (uint64_t i = 0; i < n; i++)
            set[i] = (struct weighted_wide){i * 7, exp(4 * uniform(mix64(i)) - 2)};
        uint64_t times = 200000 / (n + 20);
        double start = cpu_seconds();
        for (uint64_t i = 0; i < times; i++) {
            set[i % n].element++; /* another set */
            dart_sign(&d, set, sizeof *set, n, &board);
        }
        double darts = (cpu_seconds() - start) / (double)times;
        times = times / 50 + 1;
        start = cpu_seconds();
        for (uint64_t i = 0; i < times; i++)
            icws_sign(set, n, symbols);
        double icws = (cpu_seconds() - start) / (double)times;
        printf("%llu %.2f %.2f %.1f\n", (unsigned long long)n, darts * 1e6, icws * 1e6, icws / darts);
    }
    dart_board_free(&board);
    dart_free(&d);
    free(set);
    return 0;
}
