/* Old records that new ones meet: looked up in indexes, band by band. Not collective. */
#ifndef INDEX_MATCH_H
#define INDEX_MATCH_H

#include "index.h"
#include "lshjoin/bucket.h"

/* What came to a rank in a round: tuples by sender, band and bin, as counts[sender][bands][per_owner] tell.
 */
struct arrived {
    const struct tuple *tuples;
    const uint64_t *counts;
    uint64_t senders;
    uint32_t bands, first_band; /* of the counts; the first one's number in the index */
    struct bins bins;
    struct round round;
};

struct index_match;

/* `asked`: keys that old records ask for meet, too. */
struct index_match *index_match_create(const struct indexes *x, struct pool *pool, bool asked);
void index_match_free(struct index_match *m);

/* What has come, and before it, or behind (`after`), the keys of old records that have come from new ones
 * too, as tuples by index, band and bin: they belong to m until the next call. How many old ones there are of
 * each goes into counts[indexes][bands][per_owner], of this round. What is damaged fills *e with EX_DATAERR.
 */
const struct tuple *index_match_round(struct index_match *m, const struct arrived *a, bool after,
                                      uint64_t *counts, struct error *e);

/* The sketches of those of n rows (global numbers) that no rank holds, into their places of sketch[n][words].
 * What is damaged fills *e with EX_DATAERR. */
void index_sketches(const struct indexes *x, struct pool *pool, const struct shard *shard,
                    const uint64_t *rows, uint64_t n, uint64_t *sketch, struct error *e);

#endif
