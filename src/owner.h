/* The middle of the way: band keys travel to the ranks that own them, and become buckets there. */
#ifndef OWNER_H
#define OWNER_H

#include "comm.h"
#include "index.h"
#include "lshjoin/band.h"
#include "lshjoin/bucket.h"
#include "lshjoin/metrics.h"

/* The first block is given (nothing of it is owned); the rest is the owner's own. */
struct owner {
    struct comm *comm;
    struct pool *pool;
    const struct shard *shard;
    const struct band_keys *keys; /* numbers of bands and rows count from its first */
    struct metrics *metrics;
    bool is_asymmetric;        /* two that store do not meet */
    uint64_t max_bucket;       /* larger ones are skipped, and counted; 0: none */
    bool keeps_giants;         /* no part of a bucket goes to other ranks */
    const struct indexes *old; /* whose records meet those that are sent; or NULL */
    uint32_t first_band;       /* of those to exchange: the ones before are done */
    uint32_t keys_first;       /* the number among all of the job's of the keys' first band */

    uint64_t most; /* bytes to send or receive at once */
    struct bins bins;
    /* [ranks][bands][bins of an owner] tuples to and from every rank */
    uint64_t *n_sent, *n_received;
    struct index_match *match; /* of old records, or NULL */
    uint64_t n_rounds;
    struct round *rounds;
    struct bucket_list *lists; /* [threads] buckets of the round */
};

/* Collective. Counts first: what every rank will send to and receive from every other; then the rounds in
 * which no rank sends or receives more than `most` bytes at once, but for a single bin that is larger. */
void owner_open(struct owner *o, uint64_t most);
/* Collective. The tuples of round number r by sender, band and bin, as n_received counts them, *n in all; to
 * free. */
struct tuple *owner_exchange(struct owner *o, uint64_t r, uint64_t *n);
/* Collective. Exchange round number r; its buckets, and parts of other ranks' giant ones, are in o->lists
 * until the next. Returns how many pairs they have at most. An index that is damaged fills *e, which is not
 * agreed. */
uint64_t owner_round(struct owner *o, uint64_t r, struct error *e);
void owner_close(struct owner *o);

#endif
