/* Old records that new ones meet: looked up in indexes, band by band. Not collective. */
#ifndef INDEX_MATCH_H
#define INDEX_MATCH_H

#include "index.h"
#include "lshjoin/bucket.h"

struct index_match;

/* For a join on this shard. first_band: the number in the index of the first band that is looked up. */
struct index_match *index_match_create(const struct indexes *x, struct pool *pool, const struct shard *shard,
                                       uint32_t first_band);
void index_match_free(struct index_match *m);

/* Where keys are looked up: it belongs to m. */
const struct lookup *index_match_lookup(const struct index_match *m);

/* Fills *e with EX_DATAERR where something was damaged that was looked up since m was made. Returns
 * e->status. */
int index_match_check(const struct index_match *m, struct error *e);

/* Nothing is looked up in a band any more. */
void index_match_leave(const struct index_match *m, uint32_t band);

/* The sketches of those of n rows (global numbers) that no rank holds, into their places of sketch[n][words].
 * What is damaged fills *e with EX_DATAERR. */
void index_sketches(const struct indexes *x, struct pool *pool, const struct shard *shard,
                    const uint64_t *rows, uint64_t n, uint64_t *sketch, struct error *e);

#endif
