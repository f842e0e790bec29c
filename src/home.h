/* The end of a pair's way: its home makes it one, fetches the row it does not hold, decides, and writes it.
 */
#ifndef HOME_H
#define HOME_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"
#include "index_rows.h"
#include "lshjoin/band.h"
#include "lshjoin/family.h"
#include "lshjoin/metrics.h"
#include "lshjoin/preview.h"
#include "lshjoin/runs.h"
#include "lshjoin/sort.h"
#include "sieves.h"
#include "sink.h"

/* The first block is given (nothing of it is owned); the rest is home's own. */
struct home {
    struct comm *comm;
    struct pool *pool;
    const struct shard *shard;
    const struct records *records;
    struct signatures *signatures; /* of the bands that are worked on; NULL: every candidate comes once */
    struct runs *runs;             /* NULL, or where candidates wait until all bands have been worked on */
    bool copies_wait;          /* there, all of them, and become one there: the lowest may have been skipped
                                * (--max-bucket), digests are not known (of old records), or they are wide */
    bool one_group;            /* all bands are worked on together */
    const struct indexes *old; /* that tell of rows which no rank holds; or NULL */
    const struct family *family;
    const struct options *options;
    struct threshold threshold;
    double largest_norm; /* of the vectors of all ranks */
    struct sink *sink;
    struct metrics *metrics;

    /* Candidates on their way, of each rank's home as many as a slot holds (candidate.h). */
    uint64_t slot_size, *in_slot; /* [ranks] */
    struct u64_pair *slots;       /* [ranks][slot_size] */
    struct deltas **deltas;       /* [threads] of sets, by their relative numbers */

    /* Those that have come since the last flush, room for HOME_BATCH times what comes at once. */
    uint64_t n;
    struct u64_pair *batch, *scratch;
    double *value; /* what a comparison gave; NaN: not a pair */
    bool flushed; /* once before, of these bands, maybe in an earlier run of the job: this is not all there is
                   */
    /* Of wide vectors that are compared often: what candidates are looked at in first. */
    struct sieves sieves;
    struct preview preview; /* without `coarse` until there is one */
    struct index_rows *old_rows;
    uint64_t compared; /* candidates so far */
};

/* The fewer the batches, the fewer copies of a pair there are to tell apart. */
enum { HOME_BATCH = 4 };

/* How many pairs go on to the sink at once. */
enum { HOME_TOGETHER = 1 << 16 };

/* Whether home looks at vectors of so many bytes in byte images first, when there are so many candidates of
 * so many rows in all. */
bool home_wants_images(const struct family *family, double row_bytes, double candidates, double rows);

/* Room for `bytes` of slots, which is what a rank sends or receives at once. */
void home_open(struct home *h, uint64_t bytes);
void home_close(struct home *h);

/* Collective. Send what all ranks have put into their slots: in_slot[rank] candidates each. A batch that is
 * full on some rank is taken through. Returns e->status, agreed. */
int home_send(struct home *h, struct error *e);

/* Collective. Take the batch through: sort, compare, write, forget. `last`: nothing comes after it of the
 * bands that are worked on. A pair whose copies come in several batches is one pair: the copy of its lowest
 * colliding band stands for all, or they become one when runs are merged. Returns
 * e->status, agreed. */
int home_flush(struct home *h, bool last, struct error *e);

/* Collective. All candidates of the steps before `next` (checkpoint.h) have been sent: if a checkpoint is
 * due, they are taken through and it is made. Returns e->status, agreed. */
int home_end_step(struct home *h, uint64_t next, struct error *e);

/* Collective. Take those that have waited through, each pair once. Returns e->status, agreed. */
int home_merge(struct home *h, struct error *e);

#endif
