/* Whether sketches agree in as many symbols as the law says, the whole distribution. */
#ifndef AGREEMENT_H
#define AGREEMENT_H

#include <math.h>
#include <stdlib.h>

#include "lshjoin/law.h"
#include "unit.h"

/* How far counts of 0 .. symbols are from Binom(symbols, p), as a normal number (chi-square, by Wilson and
 * Hilferty 1931), numbers that are expected less than ten times taken together. */
static inline double agreement_distance(const uint32_t *count, uint32_t symbols, uint32_t draws, double p) {
    double *pmf = mem_alloc((uint64_t)symbols + 1, sizeof *pmf), sum = 0, expected = 0, seen = 0, cells = 0;
    law_agreeing(symbols, p, pmf);
    for (uint32_t f = 0; f <= symbols; f++) {
        expected += draws * pmf[f];
        seen += count[f];
        double rest = 0;
        for (uint32_t g = f + 1; g <= symbols; g++)
            rest += draws * pmf[g];
        if ((expected < 10 || rest < 10) && f < symbols)
            continue;
        sum += (seen - expected) * (seen - expected) / expected;
        cells++;
        expected = seen = 0;
    }
    free(pmf);
    double df = cells - 1, part = 2 / (9 * df);
    return df > 0 ? (cbrt(sum / df) - (1 - part)) / sqrt(part) : 0;
}

#endif
