/* This rank's share of the input, read and parsed batch by batch: while threads parse one, one of them reads
 * the next. */
#ifndef PACK_PARSING_H
#define PACK_PARSING_H

#include "corpus.h"
#include "lshjoin/metrics.h"
#include "lshjoin/pool.h"
#include "reader.h"

struct parsing {
    const struct settings *s;
    const struct corpus *in;
    struct reader *reader;
    struct pool *pool;
    struct parser *parser; /* [threads] */
    struct batch batch[2]; /* one is parsed while the other is read */
    int now;               /* which one is parsed */
    bool has_begun, is_over;
    uint64_t batch_bytes;
    uint64_t bytes; /* of text parsed */
    struct metrics metrics;
};

/* Batches take a fourth of the memory that the settings bound. Rank 0 shows progress. What is given outlives
 * it. */
void parsing_open(struct parsing *p, const struct settings *s, const struct corpus *in, int rank);
void parsing_close(struct parsing *p);

/* The next batch, its pieces in the order of the input. NULL if there is none, or *e is filled. */
struct batch *parsing_next(struct parsing *p, struct error *e);
/* No batch is wanted any more: frees their memory, and stops the clock. */
void parsing_end(struct parsing *p);

#endif
