/* Top-k: of all similar pairs, for each left record the k nearest right ones. In a self-join every record is
 * a left one, and a pair counts for both. */
#ifndef NEAREST_H
#define NEAREST_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/shard.h"
#include "pair.h"

/* The first block is given; the rest is its own. */
struct nearest {
    struct comm *comm;
    const struct shard *shard;
    uint64_t k;
    bool mirrors; /* a pair counts for both of its rows */
    bool smaller_is_nearer;
    uint64_t most; /* bytes to send or receive at once */

    uint64_t first, n; /* left rows of this rank */
    uint64_t *count;   /* [n] found for each so far, at most k */
    struct near *near; /* [n][k] the nearest first; ties by row number */
};

void nearest_open(struct nearest *t);
void nearest_close(struct nearest *t);

/* The value of the k-th pair found for a left row of this rank, numbered from its first, which others must
 * reach to be kept; where there are fewer, what all reach. */
double nearest_limit(const struct nearest *t, uint64_t row);

/* Collective. Take n pairs, each of which comes once; one of a row with itself counts once. */
void nearest_add(struct nearest *t, const struct pair *pairs, uint64_t n);

/* What was found so far, of this rank's rows, in blocks that fit `most`; give() returns e->status. */
int nearest_each(const struct nearest *t,
                 int (*give)(void *ctx, const struct pair *pairs, uint64_t n, struct error *e), void *ctx,
                 struct error *e);
/* Collective. Take n pairs that nearest_each has given, in this run or an earlier one, on any rank. */
void nearest_restore(struct nearest *t, const struct pair *pairs, uint64_t n);

/* Collective. Hand on what was found, ranked, the pairs of a left row one after the other. tell is collective
 * and returns e->status, agreed, as does this. */
int nearest_tell(const struct nearest *t,
                 int (*tell)(void *ctx, const struct pair *pairs, uint64_t n, struct error *e), void *ctx,
                 struct error *e);

#endif
