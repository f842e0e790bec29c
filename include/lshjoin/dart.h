/* Signatures of weighted sets: m symbols, two of which agree with probability J, the weighted Jaccard
 * similarity, all of them independent. What they mean is consistent weighted sampling (Manasse, McSherry,
 * Talwar 2010; Ioffe 2010); how they are made is DartMinHash (Christiani 2020), in time that grows with m log
 * m and the number of elements, not with their product.
 *
 * At every element, darts fall onto the quarter plane of weight and rank, a Poisson process of rate 1. Those
 * below an element's weight hit the set. Each dart belongs to one of the m symbols, at random, and a symbol
 * is the number of the dart that hits the set at the least rank among its own. Of the darts that hit either
 * of two sets the least hits both with probability J; and what falls to each symbol is a process of its own.
 *
 * The darts of an element are drawn by octaves of weight, [2^k, 2^(k+1)), in the order of rank, whose gaps
 * are exponential numbers: each dart depends on seed, element, octave and its place in the octave alone. A
 * set looks at ranks below `reach` over its total, which nearly always hold a dart for every symbol; if not,
 * at twice as many. Octaves so low that they have a dart in reach with a chance of 2^-40 are not looked at.
 */
#ifndef LSHJOIN_DART_H
#define LSHJOIN_DART_H

#include <stddef.h>
#include <stdint.h>

struct dart {
    uint32_t m; /* symbols */
    uint64_t seed;
    double reach;           /* darts that a set looks at, on the average */
    struct dart_step *step; /* of a table of logarithms: libm's differ between processors */
};

/* Where a set's symbols are found; one for each thread. */
struct dart_board {
    double *rank;   /* [m] of the least dart so far, in units of the set's own */
    uint32_t *dart; /* [m] its number */
};

/* m >= 1 symbols drawn from the seed; free with dart_free. */
struct dart dart_create(uint32_t m, uint64_t seed);
void dart_free(struct dart *d);

struct dart_board dart_board_create(const struct dart *d);
void dart_board_free(struct dart_board *b);

/* Symbols of the set of n >= 1 items of `item` bytes, strictly rising (weighted.h; the same in both widths),
 * into board->dart[m]. */
void dart_sign(const struct dart *d, const void *set, size_t item, uint64_t n, struct dart_board *board);

#endif
