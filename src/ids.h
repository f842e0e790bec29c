/* The ids that an input keeps of its records, in the group `ids` beside them, for pairs that are told by
 * id. */
#ifndef IDS_H
#define IDS_H

#include <stdint.h>
#include <stdio.h>

#include "comm.h"
#include "input.h"
#include "pair.h"

struct ids {
    struct comm *comm;
    struct pool *pool;         /* neither these nor the shard is owned */
    const struct shard *shard; /* whose ids a rank has: its rows', or of old records too, as many as others */
    struct shard even;
    struct records own; /* of this rank's rows; items are bytes */
    uint64_t most;      /* bytes of ids that are held at once beside these, or those of one pair */
    uint64_t at_once;   /* pairs whose ids are */
};

/* Collective. Reads the ids of this rank's rows. An input without any, or with others than its records have,
 * fills *e with EX_DATAERR. Returns e->status, agreed and printed; end with ids_free in any case. */
int ids_read(struct ids *ids, struct comm *c, struct pool *pool, const struct inputs *in, uint64_t most,
             struct error *e);
/* Does nothing to ids that are all zero. */
void ids_free(struct ids *ids);

/* Collective. Write n pairs of this rank to f (which may be NULL where n is 0), as text_write_pair does,
 * fetching the ids of rows that other ranks hold. Failures stay in the stream. */
void ids_write(const struct ids *ids, FILE *f, const struct pair *pairs, uint64_t n,
               const struct pair_columns *columns);

#endif
