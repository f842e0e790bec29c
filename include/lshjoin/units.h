/* Units of work that find things: threads take them while there is room for what they find, and the rest
 * waits for the next call. What is found in all does not depend on how many calls there are, nor on the
 * threads. */
#ifndef LSHJOIN_UNITS_H
#define LSHJOIN_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/pool.h"

/* What one thread has found, and how many things it has looked at. */
struct finds {
    uint64_t n, capacity, looked;
    size_t item;
    void *items;
};

/* Room for n items more, to be counted in f->n by whoever fills it. */
void *finds_room(struct finds *f, uint64_t n);

/* Work on a unit. */
typedef void units_fn(void *ctx, uint64_t unit, int thread, struct finds *found);

struct units;

/* Of items of so many bytes. */
struct units *units_create(struct pool *pool, size_t item);
void units_free(struct units *u);

/* Begin with units 0 .. n-1. */
void units_begin(struct units *u, uint64_t n);

/* Work until about `most` >= 1 items are there, or all: exceeded by no more than what each thread finds in a
 * unit. Returns them, *n in any order, which belong to u until the next call; *looked grows by what was
 * looked at. */
void *units_next(struct units *u, uint64_t most, units_fn *work, void *ctx, uint64_t *n, uint64_t *looked);

/* Whether units are left, and how much of them is done, from 0 to 1. */
bool units_left(const struct units *u);
double units_share(const struct units *u);

#endif
