/* Identical records. They are found before anything is planned or signed, and the first of them stands for
 * all in the join: the others are left out of it, and come back when pairs are told (tell.h). What pairs with
 * nothing, such as an empty set, is not looked at. Of two inputs each is looked at by itself. */
#ifndef DUPLICATES_H
#define DUPLICATES_H

#include "comm.h"
#include "lshjoin/pool.h"
#include "lshjoin/sort.h"

/* Among which they are looked for. The rows of a rank are numbered through, behind those of lower ranks. */
struct suspects {
    const struct shard *shard;
    uint64_t left; /* of this rank's rows, the first ones, those of the first input */
    bool are_vectors;
    struct records *records;
    const struct row_hash *hash; /* of each */
};

struct duplicates {
    uint64_t all;         /* rows of all ranks that are left out: where there are none, the rest is empty */
    uint64_t of_input[2]; /* those of each input */
    uint64_t mates;       /* pairs of identical rows, of all ranks */
    /* Of this rank's rows. */
    uint64_t n;                /* those that are left out, */
    struct u64_pair *left_out; /* [n] each (row, first): global numbers, rising by row */
    uint64_t groups;           /* those that stand for others, */
    struct records stood_for;  /* and for which: of each row, by local number, global ones, rising; */
    struct records lengths;    /* and how many, in one item of 4 bytes a row */
};

/* Collective. Finds them by their hashes, has those compared that seem equal, and leaves all but the first
 * out of the records. Moves about `most` bytes from and to a rank at once. */
void duplicates_find(struct duplicates *d, struct comm *c, struct pool *pool, const struct suspects *of,
                     uint64_t most);
void duplicates_free(struct duplicates *d);

#endif
