/* The end of a pair's way: its home makes it one, fetches the row it does not hold, decides, and writes it.
 */
#ifndef HOME_H
#define HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"
#include "lshjoin/band.h"
#include "lshjoin/family.h"
#include "lshjoin/metrics.h"
#include "lshjoin/sort.h"
#include "nearest.h"
#include "output.h"

/* The first block is given (nothing of it is owned); the rest is home's own. */
struct home {
    struct comm *comm;
    struct pool *pool;
    const struct shard *shard;
    const struct records *records;
    struct signatures *signatures; /* NULL: every candidate comes once */
    const struct family *family;
    const struct options *options;
    struct threshold threshold;
    struct output *output;
    struct metrics *metrics;

    struct nearest nearest;   /* with --top-k pairs go there */
    uint64_t capacity, n;     /* candidates that fit and that have come since the last flush */
    struct u64_pair *batch;   /* [capacity] see candidate.h */
    struct u64_pair *scratch; /* [capacity] */
    double *value;            /* [capacity] what a comparison gave; NaN: not a pair */
    bool flushed;             /* once before: this is not all there is */
};

/* Room for batches of `capacity` candidates; a batch that grows beyond makes room for itself. */
void home_open(struct home *h, uint64_t capacity);
void home_close(struct home *h);

/* Room for n candidates more behind those that have come: where they go. */
struct u64_pair *home_reserve(struct home *h, uint64_t n);

/* Collective. Whether a batch is full on some rank. */
bool home_is_full(const struct home *h);

/* Collective. Take the batch through: sort, compare, write, forget. `last`: nothing comes after it, and what
 * --top-k kept is written. A pair whose copies come in several batches is one pair: the copy of its lowest
 * colliding band stands for all. Returns e->status, agreed. */
int home_flush(struct home *h, bool last, struct error *e);

#endif
