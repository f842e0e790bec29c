/* Rows by their numbers, wherever they are held. */
#ifndef VISIT_H
#define VISIT_H

#include <stdint.h>

#include "comm.h"
#include "lshjoin/pool.h"

/* Collective. take(ctx, k, row, items) for every k < n, where `row` is what the holder of the global row
 * rows[k] has in `own`, its rows by local number; it lasts until take returns. Rows are in any order and may
 * come again: equal ones are taken one after the other, our own first, those of others as they arrive, at
 * most `most` bytes at once, or one row. */
void visit_rows(struct comm *c, struct pool *pool, const struct shard *shard, const struct records *own,
                const uint64_t *rows, uint64_t n, uint64_t most,
                void (*take)(void *ctx, uint64_t k, const void *row, uint64_t items), void *ctx);

/* Collective. comm_pick of those of n rows that some rank holds; in the places of others `out` stays as it
 * is.
 */
void visit_pick(struct comm *c, const struct shard *shard, const struct records *records,
                const uint64_t *rows, uint64_t n, uint64_t most, void *out);

#endif
