/* Pairs as the join found them are told: where records stand for others, for all of them. */
#ifndef TELL_H
#define TELL_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"
#include "duplicates.h"
#include "lshjoin/pool.h"
#include "pair.h"

struct tell {
    struct comm *comm;
    struct pool *pool;
    const struct shard *shard;
    const struct duplicates *duplicates;
    bool ordered;     /* (i, j) and (j, i) of one input are two pairs */
    bool exclusive;   /* leave out pairs with equal row numbers in their inputs */
    uint64_t nearest; /* of --top-k: how many for each left row; else 0 */
    uint64_t most;    /* bytes of rows that others stand for, on the way and here, or those of one pair */
    /* Collective. Takes what is told. Returns e->status, agreed. */
    int (*take)(void *ctx, const struct pair *pairs, uint64_t n, struct error *e);
    void *ctx;
};

/* Collective. Tell n pairs, found on any rank; that of a row with itself is those of the rows it stands for
 * among each other. Returns e->status, agreed. */
int tell_pairs(const struct tell *t, const struct pair *pairs, uint64_t n, struct error *e);

/* Collective. The same of --top-k, where pairs of one left row follow each other, the nearest first, ties by
 * row number: for each row that it stands for the `nearest` nearest, which takes one more than these for each
 * left row: that with itself may be among them. */
int tell_nearest(const struct tell *t, const struct pair *pairs, uint64_t n, struct error *e);

#endif
