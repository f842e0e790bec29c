/* Pairs found, and their way to the rank that wants them. */
#ifndef PAIR_H
#define PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"

struct pair {
    uint64_t left, right; /* rows as their own inputs number them */
    double value;         /* similarity, distance, or the number of colliding bands */
    uint64_t rank;        /* of the right row among the left one's nearest, from 1; 0 where nobody asked */
};

/* What a table of pairs calls its columns, and which it has. */
struct pair_columns {
    const char *left, *right, *value; /* value: "bands" or "input", whole numbers, or another; NULL: none */
    bool ranked;
    bool within; /* both rows are of one input, that of number `value` */
};

/* The global numbers of a pair's rows. */
uint64_t pair_left_row(const struct pair *p, const struct pair_columns *columns, const struct shard *s);
uint64_t pair_right_row(const struct pair *p, const struct pair_columns *columns, const struct shard *s);

/* Collective. Send n pairs to the ranks that destination() names, at most `most` bytes from and to a rank at
 * once; take() gets those that come, as they come. */
void pairs_route(struct comm *c, const struct pair *pairs, uint64_t n, uint64_t most,
                 int (*destination)(void *ctx, const struct pair *p),
                 void (*take)(void *ctx, const struct pair *pairs, uint64_t n), void *ctx);

/* Both directions of each of n pairs, to free. */
struct pair *pairs_mirror(const struct pair *pairs, uint64_t n);

#endif
