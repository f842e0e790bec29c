/* Containment of sorted sets: how much of one is in another, |a and b| / |a|, exact. */
#ifndef LSHJOIN_CONTAINMENT_H
#define LSHJOIN_CONTAINMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/jaccard.h"

/* How many elements of a set of n must be in another for a containment of the threshold or more. */
uint64_t containment_least(struct fraction threshold, uint64_t n);

/* Whether |a and b| / |a| >= threshold, exactly; *containment is it where it is. Sets must be strictly
 * rising, and a not empty. */
bool containment_at_least(struct fraction threshold, const void *a, uint64_t na, const void *b, uint64_t nb,
                          size_t width, double *containment);

#endif
