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

/* Whether a row of an input of so many rows belongs to the sample: those with the smallest hashes of seed and
 * row do, one in 128, at least 5,000 and at most some 20,000 (of two inputs 14,000 each). */
bool sample_has(uint64_t row, uint64_t rows, bool self_join, uint64_t seed);

/* Collective. The sketches of all ranks' sampled rows on every rank, those of the left input first, drawn as
 * d says. `rows`: this rank's, the first `left` of them of the left input. */
struct sketches sample_sketch(struct comm *c, struct pool *pool, const struct family *family,
                              const struct records *rows, uint64_t left, const struct drawing *d);

/* Collective. Compare all pairs of the sampled rows of all ranks by PLAN_VALUES hash values, and fill in
 * s->sampled and s->agreeing; take from s->pairs those of rows that pair with nothing. `rows`: this rank's,
 * the first `left` of them of the left input; d: width and norm of the hash functions. The same for any
 * number of ranks and threads. */
void sample_compare(struct survey *s, struct comm *c, struct pool *pool, const struct family *family,
                    const struct records *rows, uint64_t left, const struct drawing *d);

#endif
