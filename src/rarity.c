#include "lshjoin/rarity.h"

#include <stdlib.h>

#include "lshjoin/base.h"

enum { LEAST_BITS = 12, MOST_BITS = 22 }; /* 32 MB at most, the same on every rank */

struct rarity rarity_create(uint64_t items) {
    struct rarity r = {.bits = LEAST_BITS};
    while (r.bits < MOST_BITS && (uint64_t)1 << r.bits < items)
        r.bits++;
    r.count = mem_zero((uint64_t)1 << r.bits, sizeof *r.count);
    return r;
}

void rarity_free(struct rarity *r) {
    free(r->count);
    *r = (struct rarity){0};
}

static uint64_t element_at(const void *set, uint64_t k, size_t width) {
    return width == 4 ? ((const uint32_t *)set)[k] : ((const uint64_t *)set)[k];
}

static uint64_t *place_of(const struct rarity *r, uint64_t element) {
    return &r->count[mix64(element) >> (64 - r->bits)];
}

struct counting {
    struct rarity *rarity;
    const struct records *sets;
};

static void count_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct counting *job = ctx;
    for (uint64_t row = lo; row < hi; row++) {
        const void *set = records_row(job->sets, row);
        for (uint64_t k = records_length(job->sets, row); k-- > 0;)
            __atomic_fetch_add(place_of(job->rarity, element_at(set, k, job->sets->item)), 1,
                               __ATOMIC_RELAXED);
    }
}

void rarity_count(struct rarity *r, struct pool *pool, const struct records *sets) {
    struct counting job = {r, sets};
    pool_for(pool, sets->n, 1024, count_rows, &job);
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void sort_keys(uint64_t *key, uint64_t n) {
    if (n > 64) {
        qsort(key, n, sizeof *key, compare);
        return;
    }
    for (uint64_t i = 1; i < n; i++) {
        uint64_t x = key[i], at = i;
        for (; at > 0 && key[at - 1] > x; at--)
            key[at] = key[at - 1];
        key[at] = x;
    }
}

/* Bring the `wanted` least of n different keys to the front, in any order (Hoare's Find). */
static void select_least(uint64_t *key, uint64_t n, uint64_t wanted) {
    uint64_t lo = 0, hi = n; /* the border lies in [lo, hi) */
    while (hi - lo > 1 && wanted > lo && wanted < hi) {
        uint64_t pivot = key[lo + (hi - lo) / 2], i = lo, j = hi - 1;
        for (;;) {
            while (key[i] < pivot)
                i++;
            while (key[j] > pivot)
                j--;
            if (i >= j)
                break;
            uint64_t swapped = key[i];
            key[i++] = key[j];
            key[j--] = swapped;
        }
        if (wanted < i) /* all below i are less than all from it on, and lo < i < hi */
            hi = i;
        else
            lo = i;
    }
}

void rarity_prefix(const struct rarity *r, const void *set, uint64_t n, size_t width, uint64_t wanted,
                   uint64_t *prefix, uint64_t *room) {
    for (uint64_t k = 0; k < n; k++) /* the place in the set breaks ties as the element's number does */
        room[k] = min_u64(*place_of(r, element_at(set, k, width)), UINT32_MAX) << 32 | k;
    select_least(room, n, wanted);
    sort_keys(room, wanted);
    for (uint64_t k = 0; k < wanted; k++)
        prefix[k] = element_at(set, room[k] & UINT32_MAX, width);
}
