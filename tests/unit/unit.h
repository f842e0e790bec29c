/* What every unit test includes first: cmocka with the headers it needs, and reproducible random numbers. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lshjoin/base.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* The next number of a stream (splitmix64). */
static inline uint64_t random_next(uint64_t *state) {
    return mix64(*state += 0x9e3779b97f4a7c15u);
}

static inline uint64_t random_below(uint64_t *state, uint64_t n) {
    return random_next(state) % n;
}

#endif
