/* Items to the ranks that want them. */
#ifndef ROUTE_H
#define ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm.h"

/* Collective. next() gives item by item and the rank that it goes to, until it returns false; take() gets
 * those that come to this rank, as they come, ordered by nothing. At most `most` bytes leave, or come to, a
 * rank at once. */
void route(struct comm *c, size_t item, uint64_t most, bool (*next)(void *ctx, void *out, int *to),
           void (*take)(void *ctx, const void *items, uint64_t n), void *ctx);

#endif
