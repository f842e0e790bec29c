#include "lshjoin/drawing.h"

#include <stddef.h>
#include <string.h>

#include "lshjoin/base.h"

struct drawing drawing_of_tier(const struct drawing *d, const struct tier *t) {
    uint64_t first = max_u64(d->first_band, t->first),
             end = min_u64((uint64_t)d->first_band + d->bands, (uint64_t)t->first + t->bands);
    return (struct drawing){.bands = first < end ? (uint32_t)(end - first) : 0,
                            .rows = t->rows,
                            .first_band = first < end ? (uint32_t)first - t->first : 0,
                            .all_bands = t->bands,
                            .pool = t->pool,
                            .seed = d->seed,
                            .ratio = t->ratio};
}

/* Those of all tiers begin with the first. */
static uint64_t end_of_values(const struct drawing *d) {
    uint64_t end = 0;
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        struct drawing of = drawing_of_tier(d, &d->tier[k]);
        if (of.bands)
            end = max_u64(end, (uint64_t)drawing_first_value(&of) + drawing_values(&of));
    }
    return end;
}

uint32_t drawing_values(const struct drawing *d) {
    if (d->n_tiers)
        return (uint32_t)end_of_values(d) - drawing_first_value(d);
    return d->pool ? d->pool : d->bands * d->rows;
}

uint32_t drawing_first_value(const struct drawing *d) {
    uint32_t first = UINT32_MAX;
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        struct drawing of = drawing_of_tier(d, &d->tier[k]);
        if (of.bands)
            first = (uint32_t)min_u64(first, drawing_first_value(&of));
    }
    return d->n_tiers ? first : d->pool ? 0 : d->first_band * d->rows;
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
static void draw_set(const struct drawing *d, uint64_t *state, uint32_t *set) {
    for (uint32_t k = 0; k < d->rows; k++) {
        uint32_t last = d->pool - d->rows + k;
        if (!insert(set, k, draw_below(state, last + 1)))
            insert(set, k, last);
    }
}

static void next_set(uint32_t first, uint32_t rows, uint32_t *set) {
    for (uint32_t k = 0; k < rows; k++)
        set[k] = first + k;
}

uint32_t *drawing_picks(const struct drawing *d) {
    if (!d->pool)
        return NULL;
    uint32_t bands = drawing_all_bands(d);
    uint32_t *pick = mem_alloc((uint64_t)bands * d->rows + d->rows, sizeof *pick); /* and one left out */
    uint64_t state = mix64(d->seed ^ 0x6a09e667f3bcc909u);
    bool plain = drawing_is_plain(d);
    for (uint32_t drawn = 0, kept = 0, left_out = 0; kept < bands; drawn++) {
        uint32_t *set = pick + (uint64_t)kept * d->rows;
        if (plain)
            next_set(drawn * d->rows, d->rows, set);
        else
            draw_set(d, &state, set);
        if (left_out < d->n_left_out && d->left_out[left_out] == drawn)
            left_out++;
        else
            kept++;
    }
    memmove(pick, pick + (uint64_t)d->first_band * d->rows, (uint64_t)d->bands * d->rows * sizeof *pick);
    return pick;
}
