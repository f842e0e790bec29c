/* Sorting 16-byte records of two numbers. */
#ifndef LSHJOIN_SORT_H
#define LSHJOIN_SORT_H

#include <stdint.h>

#include "lshjoin/pool.h"

struct u64_pair {
    uint64_t first, second;
};

/* Sort a[n] by (first, second); tmp has room for n too and holds rubbish afterwards. Radix: split by the
 * leading bits that differ to pieces that fit the cache, then by bytes; bytes that are all equal cost
 * nothing. */
void sort_pairs(struct pool *pool, struct u64_pair *a, struct u64_pair *tmp, uint64_t n);

#endif
