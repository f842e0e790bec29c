/* Who of a sample meets in bands of sketches. */
#ifndef LSHJOIN_MEETING_H
#define LSHJOIN_MEETING_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/bucket.h"
#include "lshjoin/pool.h"
#include "lshjoin/sketch.h"

struct meeting {
    struct sketching sketching;
    int n_lists;
    struct bucket_list *lists;
    double *pairs; /* [bands] that meet in each */
    double dear;   /* a band with more pairs is a dear one: it has many times as many as most have */
};

/* In the bands of d; `left` rows of the sample are of the left input. Free with meeting_free. */
struct meeting meeting_create(const struct sketches *sample, const struct drawing *d, struct pool *pool,
                              bool self_join, uint64_t left);
void meeting_free(struct meeting *m);

/* Leave out of d's bands, the first of those of a meeting, dear ones, no more than `most`, as if others had
 * been drawn in their places. */
void meeting_leave_out(const struct meeting *m, uint32_t most, struct drawing *d);

#endif
