#include "lshjoin/drawing.h"

#include <stddef.h>

#include "lshjoin/base.h"

/* The next number below n of a stream; the odds of two numbers differ by less than n / 2^64. */
static uint32_t random_below(uint64_t *state, uint32_t n) {
    *state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(((unsigned __int128)mix64(*state) * n) >> 64);
}

static bool insert(uint32_t *set, uint32_t size, uint32_t value) {
    uint32_t at = size;
    for (; at > 0 && set[at - 1] >= value; at--)
        if (set[at - 1] == value)
            return false;
    for (uint32_t k = size; k > at; k--)
        set[k] = set[k - 1];
    set[at] = value;
    return true;
}

/* Floyd's way to a random subset (Bentley and Floyd 1987): for every size from pool - rows on, a random
 * number up to it, or, where that is in already, itself. */
uint32_t *drawing_picks(const struct drawing *d) {
    if (!d->pool)
        return NULL;
    uint32_t *pick = mem_alloc((uint64_t)d->bands * d->rows, sizeof *pick);
    uint64_t state = mix64(d->seed ^ 0x6a09e667f3bcc909u);
    for (uint32_t k = 0; drawing_is_plain(d) && k < d->bands * d->rows; k++)
        pick[k] = k;
    for (uint32_t band = 0; !drawing_is_plain(d) && band < d->bands; band++)
        for (uint32_t k = 0; k < d->rows; k++) {
            uint32_t last = d->pool - d->rows + k, *set = pick + (uint64_t)band * d->rows;
            if (!insert(set, k, random_below(&state, last + 1)))
                insert(set, k, last);
        }
    return pick;
}
