/* Old records themselves, read from the file that an index tells of when one is to be compared. Not
 * collective. */
#ifndef INDEX_ROWS_H
#define INDEX_ROWS_H

#include "index.h"

struct index_rows;

/* Of records like these, in item and width, on threads of the pool. Nothing is opened yet. */
struct index_rows *index_rows_create(const struct indexes *x, const struct records *like, struct pool *pool);
void index_rows_free(struct index_rows *r);

/* The first ones of n > 0 old records, by their numbers among all old ones, rising: about `most` bytes of
 * them, or one. They belong to r until the next call. NULL where *e is filled: with EX_NOINPUT where the file
 * cannot be opened, with EX_DATAERR where it is not what it was when the index was made. */
const struct records *index_rows_read(struct index_rows *r, const uint64_t *rows, uint64_t n, uint64_t most,
                                      struct error *e);

#endif
