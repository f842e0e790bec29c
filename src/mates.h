/* Records that one stands for, among each other: pairs of rows with themselves. */
#ifndef MATES_H
#define MATES_H

#include "duplicates.h"
#include "input.h"
#include "lshjoin/plan.h"
#include "pair.h"

/* Not collective. (i, i) for each of this rank's rows that stand for others, where two such records would be
 * a pair, with the value it would have: *n of them, to free. */
struct pair *mates_find(const struct duplicates *d, struct pool *pool, const struct options *o,
                        const struct inputs *in, const struct plan *plan, const struct threshold *threshold,
                        uint64_t *n);

#endif
