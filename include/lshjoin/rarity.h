/* How rare elements are, for the prefix filter: of a set's elements in order of rarity, the first few tell
 * most about it. An element is its number in that order from here on. */
#ifndef LSHJOIN_RARITY_H
#define LSHJOIN_RARITY_H

#include <stdint.h>

#include "lshjoin/base.h"
#include "lshjoin/cpu.h"
#include "lshjoin/pool.h"
#include "lshjoin/records.h"

/* Elements have places in a table: their own where the largest is small, else by a hash. Elements that share
 * a place look like one that occurs more often, and may occur several times in a set. Sets then never look
 * less alike than they are: it costs time and no pair. */
struct rarity {
    uint64_t places;
    uint32_t shift;  /* of the hash; 0: no hash */
    uint64_t *count; /* [places] occurrences */
    uint32_t *order; /* [places] number in the order, the rarest first; those in use are below `used` */
    uint64_t used;
    enum simd simd;
};

/* A table, all zero, for sets of `items` elements in all up to `largest` (of all ranks, so that they choose
 * alike). */
struct rarity rarity_create(uint64_t items, uint64_t largest);
void rarity_free(struct rarity *r);
/* Add the elements of these sets, `width` bytes (4 or 8) at the beginning of each item. */
void rarity_count(struct rarity *r, struct pool *pool, const struct records *sets, size_t width);
/* Put all that was counted, by all ranks, in order; the counts are gone then. */
void rarity_sort(struct rarity *r);

/* The number of an element that has been counted. */
static inline uint32_t rarity_number(const struct rarity *r, uint64_t element) {
    return r->order[r->shift ? mix64(element) >> r->shift : element];
}

/* The first `wanted` <= n < 2^31 numbers of a set's elements (n of `width` bytes) in order of rarity, rising.
 * prefix[wanted]; room[n] is used meanwhile. */
void rarity_prefix(const struct rarity *r, const void *set, uint64_t n, size_t width, uint64_t wanted,
                   uint32_t *prefix, uint32_t *room);

#endif
