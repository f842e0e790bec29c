/* From the inputs named on the command line to this rank's rows. */
#ifndef INPUT_H
#define INPUT_H

#include <sys/stat.h>

#include "comm.h"
#include "lshjoin/family.h"
#include "lshjoin/metrics.h"
#include "lshjoin/pool.h"
#include "options.h"

struct indexes;

/* What was read, for the report. */
struct input {
    char file[4096];
    char object[512];
    const char *kind; /* csr, flat or text (sets), or dense (vectors) */
    uint64_t rows, elements;
};

struct inputs {
    int n; /* 1: joined with itself */
    struct input of[2];
    struct indexes *old; /* of old records, which no rank holds (index.h); not owned; or NULL */
    uint64_t deleted;    /* what --deleted says, in a checksum; 0: nothing */
    struct shard shard;
    const struct family *family;
    /* This rank's rows. Sets, weighted or not: each strictly rising, all ranks' items of one width. Vectors:
     * finite, or left out (records_leave_out). */
    struct records records;
    struct row_hash *hash; /* of each, until duplicates have been looked for */
    uint64_t skipped;      /* of these rows, bad ones left out */
    uint64_t left_out;     /* these, and those that others stand for */
    bool stand_for_others; /* some of all ranks' rows: their numbers are not those of all that they stand for
                            */
    double largest_norm;   /* of the vectors of all ranks */
    bool is_mhash_stdin;
};

/* Not collective. Part "file" or "file:/object", as given on a command line, into the file and the object of
 * *in: the shortest part before a ":/" that is a file, unless the whole is one. Returns e->status. */
int input_split_name(const char *name, struct input *in, struct error *e);

/* Not collective. Whether a file is one that the options name to be read, or an index of old records (or
 * NULL). */
bool input_is_named(const struct options *o, const struct indexes *old, const struct stat *file);

/* Collective. Open the inputs, share out the rows so that ranks hold about equally many elements, and read
 * each rank's own; they will join those of `old`, unless it is NULL. Tells progress to m. Returns e->status,
 * agreed and printed. */
int inputs_read(struct inputs *in, struct indexes *old, struct comm *c, struct pool *pool,
                const struct options *o, struct metrics *m, struct error *e);
void inputs_free(struct inputs *in);

/* Not collective. Who joins whom, but for where each rank's rows begin: start is NULL. */
struct shard inputs_shard(const struct inputs *in, const struct comm *c, const struct options *o);

/* Items of this rank's rows that are hashed: elements, or, where a vector or a weighted set is hashed whole,
 * these. */
static inline uint64_t inputs_hashed(const struct inputs *in) {
    return in->family->is_of_vectors || in->family->is_weighted ? in->records.n - in->left_out
                                                                : records_items(&in->records);
}

/* Whether joins can leave out pairs with equal row numbers in their inputs; else telling them does (tell.h).
 */
static inline bool inputs_exclude(const struct inputs *in, const struct options *o) {
    return o->exclusive && !in->stand_for_others;
}

#endif
