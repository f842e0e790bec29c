/* Where the pairs that a join finds go: with --top-k to the ranks that keep the nearest; then, or else at
 * once, they are told, to the output, and to the groups where these are asked for. */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "checkpoint.h"
#include "cluster.h"
#include "duplicates.h"
#include "lshjoin/metrics.h"
#include "nearest.h"
#include "output.h"
#include "tell.h"

/* The first block is given (nothing of it is owned); the rest is its own. */
struct sink {
    struct comm *comm;
    struct pool *pool;
    const struct options *options;
    struct shard shard;
    const struct duplicates *duplicates;
    bool smaller_is_nearer;
    bool ordered; /* of a self-join: (i, j) and (j, i) are two pairs, and both come where both are */
    struct output *output;
    struct checkpoint *checkpoint; /* or NULL */
    struct cluster *cluster;       /* or NULL */
    struct metrics *metrics;

    bool tells_all; /* pairs of all rows, not of the first of identical ones only */
    struct nearest nearest;
    struct tell tell;
};

/* Collective. Of a resumed job what was found before goes its way at once. Returns e->status, agreed. */
int sink_open(struct sink *s, struct error *e);
void sink_close(struct sink *s);

/* The first step (checkpoint.h) that is not done yet. */
uint64_t sink_first_step(const struct sink *s);
/* Collective, where a step ends: whether a checkpoint is to be made, if nothing is wrong; if something is, *e
 * says it, agreed.
 */
bool sink_step_is_due(struct sink *s, struct error *e);
/* Collective. Make it: the pairs of all steps before `next` have come. Returns e->status, agreed. */
int sink_end_step(struct sink *s, uint64_t next, struct error *e);

/* Collective. Take n pairs of this rank, each of which comes once, in any order, from any rank. Returns
 * e->status, agreed. */
int sink_take(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e);

/* Collective, once, where all are told. Of rows that stand for others the pairs with themselves (mates.h); of
 * no step. Returns e->status, agreed. */
int sink_take_mates(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e);

/* With --top-k. The value of the k-th pair found for a left row of this rank, numbered from its first, which
 * others must reach to be kept; where there are fewer, what all reach. */
double sink_limit(const struct sink *s, uint64_t row);

/* Collective. All pairs have come: those that were kept are told. Returns e->status, agreed. */
int sink_finish(struct sink *s, struct error *e);

#endif
