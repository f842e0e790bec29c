/* What exact joins of sets, weighted or not, and of vectors have in common: a meeting is cut into units of
 * work that threads take in any order. */
#ifndef EXACT_METHOD_H
#define EXACT_METHOD_H

#include "lshjoin/exact.h"
#include "lshjoin/units.h"

/* A pair found; each comparison counts as looked at. */
void exact_add(struct finds *f, uint64_t stay, uint64_t moving, double value);

struct exact_method {
    void *(*create)(const struct exact_plan *plan);
    void (*destroy)(void *state);
    /* Make the block ready. Returns the number of units. */
    uint64_t (*begin)(void *state, const struct exact_plan *plan, const struct exact_meeting *meeting);
    void (*work)(void *state, const struct exact_plan *plan, const struct exact_meeting *meeting,
                 uint64_t unit, int thread, struct finds *found);
};

extern const struct exact_method exact_sets, exact_weighted, exact_vectors;

#endif
