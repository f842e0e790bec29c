/* Weighted sets: rows whose items are elements with their weights. An element that a set doesn't hold has
 * weight 0 in it; the similarity of two sets is the sum of their minima over the sum of their maxima. */
#ifndef LSHJOIN_WEIGHTED_H
#define LSHJOIN_WEIGHTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/jaccard.h"
#include "lshjoin/records.h"

/* Items come in two widths, which stand for the same. */
struct weighted_narrow {
    uint32_t element;
    float weight;
};
struct weighted_wide {
    uint64_t element;
    double weight;
};

static inline struct weighted_wide weighted_item(const void *set, uint64_t k, size_t item) {
    if (item == sizeof(struct weighted_wide))
        return ((const struct weighted_wide *)set)[k];
    struct weighted_narrow narrow = ((const struct weighted_narrow *)set)[k];
    return (struct weighted_wide){narrow.element, (double)narrow.weight};
}

/* What is wrong with a row of wide items in any order, or NULL: weights must be positive and finite, and add
 * up to 1e100 at most, so that no sum overflows. */
const char *weighted_fault(const struct records *r, uint64_t row);

/* Wide items: sort every row by element, in place, and make one of those that are equal, whose weights are
 * added, the least first: what is stored in another order is the same set. A row with a fault is left empty.
 * hash[n]: of the rows as they are then; or NULL. */
void weighted_sort(struct records *r, struct pool *pool, struct row_hash *hash);

/* Whether narrow items can hold all of these wide ones to the last bit; and store them so. */
bool weighted_fits_narrow(const struct records *r);
void weighted_make_narrow(struct records *r);

/* The sum of a set's weights. */
double weighted_total(const void *set, uint64_t n, size_t item);

/* Whether the similarity of a and b, strictly rising and not both empty, is threshold or more; *similarity is
 * it where it is. Minima and maxima are summed in double precision in the order of elements, whichever of the
 * two comes first: without any rounding where weights are integers (or multiples of one power of two) that
 * add up to less than 2^53, else with a relative error of at most (na + nb) 2^-53. Equal sets have
 * similarity 1. The two sums are compared with the threshold exactly. */
bool weighted_at_least(struct fraction threshold, const void *a, uint64_t na, const void *b, uint64_t nb,
                       size_t item, double *similarity);

/* Whether the weights of a and b differ by `most` at most in all, which a look at their first elements may
 * tell. */
bool weighted_within(const void *a, uint64_t na, const void *b, uint64_t nb, size_t item, double most);

#endif
