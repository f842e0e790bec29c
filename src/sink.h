/* Where the pairs that a join finds go: with --top-k to the ranks that keep the nearest, else to the output,
 * and to the groups where these are asked for. */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "cluster.h"
#include "lshjoin/metrics.h"
#include "nearest.h"
#include "output.h"

/* The first block is given (nothing of it is owned); the rest is its own. */
struct sink {
    struct comm *comm;
    const struct options *options;
    struct shard shard;
    bool smaller_is_nearer;
    bool one_way; /* of top-k in a self-join: pairs come in both directions, (i, j) and (j, i) */
    struct output *output;
    struct cluster *cluster; /* or NULL */
    struct metrics *metrics;

    struct nearest nearest;
};

void sink_open(struct sink *s);
void sink_close(struct sink *s);

/* Collective. Take n pairs of this rank, each of which comes once, in any order, from any rank. Returns
 * e->status, agreed. */
int sink_take(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e);

/* With --top-k. The value of the k-th pair found for a left row of this rank, numbered from its first, which
 * others must reach to be kept; where there are fewer, what all reach. */
double sink_limit(const struct sink *s, uint64_t row);

/* Collective. All pairs have come: those that were kept are written. Returns e->status, agreed. */
int sink_finish(struct sink *s, struct error *e);

#endif
