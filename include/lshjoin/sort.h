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

/* The place of the first of n rising numbers that is not below v; n where there is none. */
static inline uint64_t sorted_place(const uint64_t *sorted, uint64_t n, uint64_t v) {
    uint64_t lo = 0, hi = n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (sorted[mid] < v)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

#endif
