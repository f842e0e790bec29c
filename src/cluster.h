/* Groups of similar records, from the pairs that a join finds: by the ranks together, each with the pairs
 * that were found there and the rows that it holds.
 *
 * components  records that hang together by any chain of pairs. Of its pairs a rank keeps a forest, which
 *             grows with the rows seen. Then the trees of all ranks are joined in rounds: every root hooks
 *             onto the smallest root that an edge ties it to, if that is smaller than itself, and the chains
 *             are cut short by pointer jumping. In two rounds every root has met another, so there are at
 *             most 2 log2(n) of them (after Shiloach and Vishkin 1982).
 * star        every record of a group is similar to the one that is kept. The kept ones are a maximal
 *             independent set of the pairs' graph: the one that the greedy algorithm finds that takes records
 *             by score, then by a hash of the row. In each round the undecided records that come before all
 *             undecided neighbours are kept, and their neighbours leave; by random priorities this takes
 *             O(log n) rounds (Fischer and Noever 2018), by scores at most as many as they differ along a
 *             path. At last those that left go to the first of their kept neighbours. Pairs stay at their
 *             ranks, 8 bytes each. */
#ifndef CLUSTER_H
#define CLUSTER_H

#include <stdint.h>

#include "comm.h"
#include "lshjoin/forest.h"
#include "options.h"
#include "pair.h"

/* The first block is given (nothing of it is owned); the rest is its own. */
struct cluster {
    struct comm *comm;
    const struct shard *shard;
    enum cluster_method method;
    const uint64_t *score; /* of this rank's rows; the larger, the rather it is kept. NULL: all are equal */
    uint64_t most;         /* bytes to send or receive at once */

    struct forest forest;  /* components */
    struct numbering rows; /* star: those of the edges, */
    uint64_t n_edges, capacity;
    struct edge *edges; /* [n_edges], which are told by these numbers */
    uint64_t rounds;
};

/* Take n pairs of this rank. Not collective. */
void cluster_take(struct cluster *k, const struct pair *pairs, uint64_t n);

/* Of components: one pair of rows, by their global numbers. Not collective. */
void cluster_join(struct cluster *k, uint64_t left, uint64_t right);

/* Collective. All pairs have come. Of this rank's rows: the smallest row of each one's group, and whether it
 * is the one that is kept of it (1 or 0): the best by score, ties by row; of a star its centre. */
void cluster_finish(struct cluster *k, uint64_t *label, uint8_t *keep);
/* Collective. size[i]: how many rows have the label of this rank's i-th row, if that is its own label, else
 * 0. */
void cluster_sizes(struct cluster *k, const uint64_t *label, uint64_t *size);
void cluster_free(struct cluster *k);

#endif
