/* Rows that travel: every rank's meet those of the others, a portion at a time. */
#ifndef COMM_RING_H
#define COMM_RING_H

#include "comm.h"

struct ring;

/* Portions of at most `most` bytes, or one row, of every rank's rows go to the ranks up to `distance` places
 * on (below the number of ranks; 0: only to itself). rows are this rank's, held until the end; n may be 0,
 * item and, of rows without offsets, width are the same everywhere. Two portions are held at once: while one
 * is worked on, the next is on its way. Collective. */
struct ring *comm_ring_begin(struct comm *c, const struct records *rows, int distance, uint64_t most);

/* What has come: rows [first, first + rows.n) of those of rank `from`. */
struct ring_block {
    int from, distance; /* from = this rank - distance, around */
    uint64_t first;
    struct records rows; /* the ring's own, until the next call */
};

/* Collective; the next block, which may be empty. One's own portions come too, at distance 0. False when all
 * have come, on all ranks at once. *done: how much of it all had come before, from 0 to 1, and
 * *share: what this block is of it. */
bool comm_ring_next(struct ring *r, struct ring_block *block, double *done, double *share);

/* After the last block, or, on all ranks alike, after any. */
void comm_ring_end(struct ring *r);

#endif
