/* One set compared with many: its elements stand in a table, so that each element of the others is looked up
 * once, without the turns that merging two sets takes. */
#ifndef LSHJOIN_PIVOT_H
#define LSHJOIN_PIVOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/jaccard.h"

/* How many others make a table worth its while, and up to which size of the set. */
enum { PIVOT_LEAST_RUN = 4, PIVOT_MOST_ELEMENTS = 4096 };

struct pivot;

struct pivot *pivot_create(void);
void pivot_free(struct pivot *p);

/* Put the set of n elements of `width` bytes, strictly rising, into the table; it must stay until the next
 * one. */
void pivot_set(struct pivot *p, const void *set, uint64_t n, size_t width);

/* As jaccard_at_least of the pivot and a set of the same width, with the same result. */
bool pivot_at_least(const struct pivot *p, struct fraction t, const void *b, uint64_t nb, double *similarity);

#endif
