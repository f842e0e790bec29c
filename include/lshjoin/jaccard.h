/* Jaccard similarity of sorted sets, exact, and thresholds compared without rounding. */
#ifndef LSHJOIN_JACCARD_H
#define LSHJOIN_JACCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal fraction p/q in lowest terms, q at most 10^9. */
struct fraction {
    uint64_t p, q;
};

/* Reads a decimal such as "0.8", ".75" or "1" with at most nine decimals. False if it is none. */
bool fraction_parse(const char *text, struct fraction *f);

/* |a and b| of strictly rising sets of na and nb elements of `width` bytes (4 or 8), or any number below
 * `least` as soon as it is sure that `least` cannot be reached. */
uint64_t set_intersection(const void *a, uint64_t na, const void *b, uint64_t nb, size_t width,
                          uint64_t least);

/* How many elements sets of na and nb must share at least for J >= threshold; more than they have where that
 * cannot be. */
uint64_t jaccard_least(struct fraction threshold, uint64_t na, uint64_t nb);

/* Whether sets of na and nb, not both 0, that share `both` elements reach the threshold, exactly; *similarity
 * is J. */
static inline bool jaccard_reaches(struct fraction t, uint64_t na, uint64_t nb, uint64_t both,
                                   double *similarity) {
    *similarity = (double)both / (double)(na + nb - both);
    return both * (t.p + t.q) >= t.p * (na + nb); /* J >= p/q; see jaccard_least */
}

/* Whether J(a, b) = |a and b| / |a or b| >= threshold, exactly; *similarity is J where it is.
 * Sets must be strictly rising and not both empty. */
bool jaccard_at_least(struct fraction threshold, const void *a, uint64_t na, const void *b, uint64_t nb,
                      size_t width, double *similarity);

#endif
