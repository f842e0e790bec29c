/* The prefix filter of exact set joins (Chaudhuri, Ganti, Kaushik 2006; PPJoin: Xiao, Wang, Lin, Yu 2008).
 * All elements stand in one order, rare ones first (rarity.h). Sets x and y with J(x, y) >= p/q share at
 * least a = ceil(p (|x|+|y|) / (p+q)) elements, so that their first common one, at places i and j, has at
 * least a - 1 behind it in both; and since a >= ceil(p|x|/q), it is among the first |x| - ceil(p|x|/q) + 1 of
 * x: its prefix, which is all that an index must hold. */
#ifndef LSHJOIN_PREFIX_H
#define LSHJOIN_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/jaccard.h"
#include "lshjoin/pool.h"
#include "lshjoin/rarity.h"
#include "lshjoin/records.h"

/* How many elements the prefix of a set of n has; 0 of an empty one. A threshold of 0: all of them. */
uint64_t prefix_length(struct fraction threshold, uint64_t n);

/* How many elements sets of na and nb must share at least; 1 where the threshold asks for less. */
uint64_t prefix_overlap(struct fraction threshold, uint64_t na, uint64_t nb);

/* Whether sets that share their first common element and at most left - 1 more can share as many. */
static inline bool prefix_reaches(struct fraction threshold, uint64_t left, uint64_t na, uint64_t nb) {
    return left * (threshold.p + threshold.q) >= threshold.p * (na + nb);
}

/* Sizes that the partner of a set of n may have: [*least, *most]. */
void prefix_sizes(struct fraction threshold, uint64_t n, uint64_t *least, uint64_t *most);

/* An element in a prefix: of set number `rank` by size, at place `place` of its prefix. */
struct posting {
    uint32_t rank, place;
};

/* An index of prefixes. Sets are ranked by size, ties by row. */
struct prefix_index {
    uint64_t n;
    uint32_t *row, *size;    /* [n] of each rank */
    uint32_t *rank;          /* [n] of each row */
    uint64_t lists;          /* different elements of prefixes */
    uint64_t *key, *first;   /* [lists] mixed element, rising; [lists+1] its first posting */
    struct posting *posting; /* [first[lists]] of one element rising by rank */
    uint32_t shift;          /* the leading bits of a key tell where to look: */
    uint64_t *start;         /* [2^(64-shift) + 1] the first list with such a key */
};

struct prefix_index prefix_index_create(struct pool *pool, const struct rarity *rarity,
                                        struct fraction threshold, const struct records *sets);
void prefix_index_free(struct prefix_index *x);

/* The first rank of a set of at least `size` elements. */
uint64_t prefix_index_rank(const struct prefix_index *x, uint64_t size);

/* The postings of an element: *n of them. */
const struct posting *prefix_index_find(const struct prefix_index *x, uint64_t element, uint64_t *n);

#endif
