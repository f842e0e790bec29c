/* The prefix filter of exact set joins (Chaudhuri, Ganti, Kaushik 2006; PPJoin: Xiao, Wang, Lin, Yu 2008).
 * All elements stand in one order, rare ones first (rarity.h). Sets x and y with J(x, y) >= p/q share at
 * least a = ceil(p (|x|+|y|) / (p+q)) elements, so that their first common one, at places i and j, has at
 * least a - 1 behind it in both; and since a >= ceil(p|x|/q), it is among the first |x| - ceil(p|x|/q) + 1 of
 * x: its prefix, which is all that an index must hold.
 *
 * Where |x and y| >= p/q |x| is asked for, x contained in y, they share a = ceil(p|x|/q): x has the same
 * prefix, and of y any element may be the first common one. */
#ifndef LSHJOIN_PREFIX_H
#define LSHJOIN_PREFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/jaccard.h"
#include "lshjoin/pool.h"
#include "lshjoin/rarity.h"
#include "lshjoin/records.h"

/* What a set is to its partners. */
enum prefix_role { PREFIX_ALIKE, PREFIX_CONTAINED, PREFIX_CONTAINING };

/* A set of n and a partner of m share s elements with s * whole >= p (own n + other m). */
struct prefix_rule {
    uint64_t p, whole, own, other;
};

struct prefix_rule prefix_rule(struct fraction threshold, enum prefix_role role);
/* That of the partner. */
struct prefix_rule prefix_mirror(struct prefix_rule r);

/* How many elements the prefix of a set of n has; 0 of an empty one. A threshold of 0: all of them. */
uint64_t prefix_length(struct prefix_rule r, uint64_t n);

/* How many elements a set of n and a partner of m must share at least; 1 where the threshold asks for less.
 */
uint64_t prefix_overlap(struct prefix_rule r, uint64_t n, uint64_t m);

/* Whether sets that share their first common element and at most left - 1 more can share as many. */
static inline bool prefix_reaches(struct prefix_rule r, uint64_t left, uint64_t n, uint64_t m) {
    return left * r.whole >= r.p * (r.own * n + r.other * m);
}

/* Sizes that the partner of a set of n may have: [*least, *most]. */
void prefix_sizes(struct prefix_rule r, uint64_t n, uint64_t *least, uint64_t *most);

/* An element in a prefix: of set number `rank` by size, at place `place` of its prefix. */
struct posting {
    uint32_t rank, place;
};

/* An index of prefixes. Sets are ranked by size, ties by row. Each element has two lists. A set of n and one
 * that is no smaller share at least prefix_overlap(n, n), so that the first one's postings at places from
 * n - prefix_overlap(n, n) + 1 on, half of them, matter for smaller sets only: these are the second list. */
struct prefix_index {
    uint64_t n;
    uint32_t *row, *size;    /* [n] of each rank */
    uint32_t *rank;          /* [n] of each row */
    uint64_t *at;            /* [n+1] where the prefix of each rank begins: */
    uint32_t *prefix;        /* [at[n]] numbers by rarity, rising */
    uint64_t *first;         /* [2 * rarity->used + 1] the first posting of each list */
    struct posting *posting; /* of one list rising by rank, then place */
};

/* later: whether sets will be looked up that are smaller than some they pair with; else the second lists are
 * empty. */
struct prefix_index prefix_index_create(struct pool *pool, const struct rarity *rarity,
                                        struct prefix_rule rule, const struct records *sets, bool later);
void prefix_index_free(struct prefix_index *x);

/* The first rank of a set of at least `size` elements. */
uint64_t prefix_index_rank(const struct prefix_index *x, uint64_t size);

/* The postings of an element, by its number: *n of them, those `later` that matter for smaller sets only, or
 * the others. */
static inline const struct posting *prefix_index_find(const struct prefix_index *x, uint32_t number,
                                                      bool later, uint64_t *n) {
    const uint64_t *first = x->first + 2 * (uint64_t)number + later;
    *n = first[1] - first[0];
    return x->posting + first[0];
}

#endif
