/* How rare elements are, for the prefix filter: of a set's elements in order of rarity, the first few tell
 * most about it. */
#ifndef LSHJOIN_RARITY_H
#define LSHJOIN_RARITY_H

#include <stdint.h>

#include "lshjoin/pool.h"
#include "lshjoin/records.h"

/* Occurrences, counted by a hash of the element: what collides looks more frequent than it is, which costs
 * time and no pair. */
struct rarity {
    uint32_t bits;
    uint64_t *count; /* [2^bits] */
};

/* A table, all zero, for sets of `items` elements in all (of all ranks, so that they choose alike). */
struct rarity rarity_create(uint64_t items);
void rarity_free(struct rarity *r);
/* Add the elements of these sets. */
void rarity_count(struct rarity *r, struct pool *pool, const struct records *sets);

/* The first `wanted` <= n elements of a set (strictly rising, of `width` bytes) in the order of all elements
 * by rarity, then by their numbers. prefix[wanted]; room[n] is used meanwhile. */
void rarity_prefix(const struct rarity *r, const void *set, uint64_t n, size_t width, uint64_t wanted,
                   uint64_t *prefix, uint64_t *room);

#endif
