/* One set that many others are compared with. Its elements stand in a table, each at the place that a hash
 * tells, so that each element of another set costs one look instead of some steps of a merge. */
#ifndef LSHJOIN_PIVOT_H
#define LSHJOIN_PIVOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/cpu.h"
#include "lshjoin/jaccard.h"

struct pivot {
    const void *set; /* [n] borrowed */
    uint64_t n;
    size_t width;
    enum simd simd;
    void *slot; /* [2^(32-shift)] elements; NULL: no table, sets are merged */
    uint32_t shift;
    void *clashing; /* [n_clashing] elements whose place was taken; behind the slots */
    uint32_t n_clashing;
};

/* A strictly rising set of n elements of `width` bytes (4 or 8), to be freed. Worth it for some five
 * others or more. Sets that are empty or long, or that clash much, get no table and are merged. */
struct pivot pivot_create(const void *set, uint64_t n, size_t width, enum simd simd);
void pivot_free(struct pivot *p);

/* jaccard_at_least of the pivot and b, to the last bit. */
bool pivot_at_least(struct fraction threshold, const struct pivot *p, const void *b, uint64_t nb,
                    double *similarity);

#endif
