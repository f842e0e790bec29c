/* A sample of the rows, and how similar its pairs are. */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"
#include "lshjoin/family.h"
#include "lshjoin/plan.h"
#include "lshjoin/pool.h"
#include "lshjoin/records.h"
#include "lshjoin/sketch.h"

/* Whether a row (a global number) belongs to the sample: those with the smallest hashes of seed and
 * row do, one in 128, at least 5,000 and at most some 20,000 (of two inputs 14,000 each). */
bool sample_has_row(const struct shard *s, uint64_t row, uint64_t seed);

/* A rank's sampled rows, where they lie: of few long ones all are sampled, and a copy would be as large. */
struct sample {
    const struct records *records; /* borrowed */
    uint64_t *row;                 /* [n] places, rising; the first `left` are of the left input */
    uint64_t n, left;
};

/* A copy of the next of them, some megabytes or a row, to free: *next, 0 at first, is the number of the
 * first, and then of the first that is left. */
struct records sample_next(const struct sample *s, uint64_t *next);

/* Collective. The sketches of all ranks' sampled rows on every rank, those of the left input first, drawn as
 * d says. */
struct sketches sample_sketch(struct comm *c, struct pool *pool, const struct family *family,
                              const struct sample *sample, const struct drawing *d);

/* Collective. Compare all pairs of the sampled rows of all ranks by PLAN_VALUES hash values, and fill in
 * s->sampled and s->agreeing; take from s->pairs those of rows that pair with nothing. d: width and norm of
 * the hash functions. The same for any number of ranks and threads.
 *
 * of_step: NULL, or, of sets, agreeing[SIZE_STEPS]: all of these, and of one input both orders of each pair,
 * by how many classes of size the right set is above the left one. */
void sample_compare(struct survey *s, struct comm *c, struct pool *pool, const struct family *family,
                    const struct sample *sample, const struct drawing *d, plan_tally *of_step);

#endif
