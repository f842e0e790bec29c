/* Rows of items: the one shape of data that is read, hashed, fetched and compared. A set is a row of
 * elements, a vector a row of coordinates, a signature a row of symbols. */
#ifndef LSHJOIN_RECORDS_H
#define LSHJOIN_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/pool.h"

struct records {
    uint64_t n;  /* rows */
    size_t item; /* bytes of an item */
    uint64_t
        *offset; /* [n+1]: row i holds items [offset[i], offset[i+1]); NULL: every row holds `width` items */
    uint64_t width; /* items a row, where offset is NULL */
    void *data;
};

static inline uint64_t records_length(const struct records *r, uint64_t row) {
    return r->offset ? r->offset[row + 1] - r->offset[row] : r->width;
}

static inline const void *records_row(const struct records *r, uint64_t row) {
    return (const char *)r->data + (r->offset ? r->offset[row] : row * r->width) * r->item;
}

static inline uint64_t records_items(const struct records *r) {
    return r->offset ? r->offset[r->n] : r->n * r->width;
}

/* Free what the records own and clear the struct. */
void records_free(struct records *r);

/* A copy of those n rows, to free. */
struct records records_select(const struct records *r, const uint64_t *rows, uint64_t n);

/* 128 bits that tell rows of the same item apart, but for a chance of 2^-128 (XXH3). */
struct row_hash {
    uint64_t high, low;
};

/* Of one row; of every row: hash[n]. */
struct row_hash records_hash_row(const struct records *r, uint64_t row);
void records_hash(const struct records *r, struct pool *pool, struct row_hash *hash);

/* Change rows with offsets in place, by many threads: shorten(r, row) may write to the row's items and
 * returns how many of them, the first ones, it keeps. hash[n]: of the rows as they are then; or NULL. */
void records_shorten(struct records *r, struct pool *pool,
                     uint64_t (*shorten)(const struct records *r, uint64_t row), struct row_hash *hash);

/* Sets (items of 4 or 8 bytes, unsigned): sort every row and drop repeats, in place. hash[n]: of the rows as
 * they are then, while they are at hand; or NULL. */
void records_sort_sets(struct records *r, struct pool *pool, struct row_hash *hash);

/* Let n rows, which rise, pair with nothing from now on: sets become empty, vectors (items of 4 or 8 bytes,
 * floating-point) begin with a NaN. */
void records_leave_out(struct records *r, const uint64_t *rows, uint64_t n);

/* Whether a vector was left out. */
bool records_is_left_out(const struct records *r, uint64_t row);

/* Sets of 8-byte elements that all fit 32 bits: store them in 4. */
void records_narrow(struct records *r);

/* The largest element of sets, `width` bytes (4 or 8) at the beginning of each item; 0 where there is none.
 */
uint64_t records_max_element(const struct records *r, size_t width);

#endif
