/* Records in the memory of the program that joins them, in the place of files, and where its pairs go. */
#ifndef ARRAYS_H
#define ARRAYS_H

#include <stdbool.h>

#include "comm.h"
#include "pair.h"

struct arrays {
    int n;                /* inputs */
    struct records of[2]; /* this rank's rows of each, not owned */
    bool are_vectors;
    /* Takes pairs of this rank; returns 0 or a status. */
    int (*take)(void *ctx, const struct pair *pairs, uint64_t n);
    void *ctx;
    uint64_t first[2]; /* the number of the first row of each, once arrays_place has told it */
    uint64_t *label;   /* of groups; of the rows of both, once they are found; to free */
    uint8_t *keep;
};

/* Collective. Tell how many rows and items each input has over all ranks, and, in first, where this rank's
 * begin. Offsets that fall, or vectors of different widths, fill *e. Returns e->status, agreed and printed.
 */
int arrays_place(struct arrays *a, struct comm *c, uint64_t rows[2], uint64_t items[2], struct error *e);

/* Collective. The rows that this rank has by the shard, in order, sets with offsets; to free. */
struct records arrays_share(const struct arrays *a, struct comm *c, const struct shard *shard);

/* Collective. Groups of the shard's rows to the ranks that gave the rows. */
void arrays_take_groups(struct arrays *a, struct comm *c, const struct shard *shard, uint64_t most,
                        const uint64_t *label, const uint8_t *keep);

#endif
