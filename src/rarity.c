#include "lshjoin/rarity.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

enum { LEAST_BITS = 12, MOST_BITS = 22 }; /* 48 MB at most, the same on every rank */

struct rarity rarity_create(uint64_t items, uint64_t largest) {
    uint32_t bits = LEAST_BITS;
    while (bits < MOST_BITS && (uint64_t)1 << bits < items)
        bits++;
    struct rarity r = {.places = (uint64_t)1 << bits, .simd = cpu_simd()};
    if (largest < r.places)
        r.places = largest + 1;
    else
        r.shift = 64 - bits;
    r.count = mem_zero(r.places, sizeof *r.count);
    r.order = mem_alloc(r.places, sizeof *r.order);
    return r;
}

void rarity_free(struct rarity *r) {
    free(r->count);
    free(r->order);
    *r = (struct rarity){0};
}

static inline uint64_t place_of(uint32_t shift, uint64_t element) {
    return shift ? mix64(element) >> shift : element;
}

static inline uint64_t element_at(const void *set, uint64_t k, size_t width, size_t item) {
    const char *at = (const char *)set + k * item;
    return width == 4 ? *(const uint32_t *)at : *(const uint64_t *)at;
}

struct counting {
    struct rarity *rarity;
    const struct records *sets;
    size_t width;
    bool alone; /* no other thread counts */
};

static void count_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct counting *job = ctx;
    uint64_t *count = job->rarity->count;
    uint32_t shift = job->rarity->shift;
    size_t width = job->width, item = job->sets->item;
    bool alone = job->alone;
    for (uint64_t row = lo; row < hi; row++) {
        const void *set = records_row(job->sets, row);
        for (uint64_t k = records_length(job->sets, row); k-- > 0;) {
            uint64_t *at = count + place_of(shift, element_at(set, k, width, item));
            if (alone)
                ++*at;
            else
                __atomic_fetch_add(at, 1, __ATOMIC_RELAXED);
        }
    }
}

void rarity_count(struct rarity *r, struct pool *pool, const struct records *sets, size_t width) {
    struct counting job = {r, sets, width, pool_threads(pool) == 1};
    pool_for(pool, sets->n, 1024, count_rows, &job);
}

/* A count to 11 bits behind its first one, which is as good for an order; none at all is the most, so that
 * what does not occur stands behind what does. */
enum { EXACT_COUNTS = 1 << 12, COARSE_COUNTS = (1 << 11) * 54 };

static uint32_t coarse(uint64_t count) {
    uint32_t shift = 0;
    while (count >> shift >= EXACT_COUNTS)
        shift++;
    return count ? shift * (EXACT_COUNTS / 2) + (uint32_t)(count >> shift) : COARSE_COUNTS - 1;
}

void rarity_sort(struct rarity *r) {
    uint32_t *next = mem_zero(COARSE_COUNTS, sizeof *next), sum = 0;
    for (uint64_t place = 0; place < r->places; place++)
        next[coarse(r->count[place])]++;
    r->used = r->places - next[COARSE_COUNTS - 1];
    for (uint32_t c = 0; c < COARSE_COUNTS; c++) {
        uint32_t count = next[c];
        next[c] = sum;
        sum += count;
    }
    for (uint64_t place = 0; place < r->places; place++)
        r->order[place] = next[coarse(r->count[place])]++;
    free(next);
    free(r->count);
    r->count = NULL;
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Numbers are below 2^MOST_BITS: signed comparisons are what every SIMD has, and there is room for a place.
 */
enum { FEW_BITS = 6, FEW = 1 << FEW_BITS };

/* Sort n <= FEW numbers: each goes where as many are less, of equal ones as many before it. All are compared
 * with all, without branches. */
static inline __attribute__((always_inline)) void sort_few(uint32_t *a, uint32_t n) {
    int32_t key[FEW], less[FEW] = {0};
    const uint32_t padded = (n + 7) / 8 * 8;
    for (uint32_t k = 0; k < padded; k++)
        key[k] = k < n ? (int32_t)(a[k] << FEW_BITS | k) : INT32_MAX;
    for (uint32_t k = 0; k < n; k++)
        for (uint32_t i = 0; i < padded; i++)
            less[i] += key[k] < key[i];
    for (uint32_t k = 0; k < n; k++)
        a[less[k]] = (uint32_t)key[k] >> FEW_BITS;
}

static inline __attribute__((always_inline)) uint32_t count_below(const uint32_t *a, uint32_t n,
                                                                  uint32_t bound) {
    const int32_t b = (int32_t)bound;
    int32_t below = 0;
    for (uint32_t k = 0; k < n; k++)
        below += (int32_t)a[k] < b;
    return (uint32_t)below;
}

/* Bring the `wanted` least of n numbers below `end`, and maybe some more, to the front in any order. Returns
 * how many. A bound is guessed and halved: that looks at all of them some times, but without branches. */
static inline __attribute__((always_inline)) uint64_t select_least(uint32_t *a, uint64_t n, uint64_t wanted,
                                                                   uint64_t end) {
    uint64_t lo = 0, hi = end, enough = wanted + wanted / 4 + 2,
             kept = 0; /* fewer are below lo, not below hi */
    while (hi - lo > 1) {
        uint64_t mid = lo + (hi - lo) / 2, below = count_below(a, (uint32_t)n, (uint32_t)mid);
        if (below < wanted) {
            lo = mid;
            continue;
        }
        hi = mid;
        if (below <= enough)
            break;
    }
    for (uint64_t k = 0; k < n; k++) {
        uint32_t x = a[k];
        a[kept] = x;
        kept += x < hi;
    }
    return kept;
}

/* The `wanted` least of n numbers below `end`, sorted, to the front. */
static inline __attribute__((always_inline)) void sort_least(uint32_t *a, uint64_t n, uint64_t wanted,
                                                             uint64_t end) {
    if (wanted < n)
        n = select_least(a, n, wanted, end);
    if (n <= FEW)
        sort_few(a, (uint32_t)n);
    else
        qsort(a, n, sizeof *a, compare);
}

static void sort_least_scalar(uint32_t *a, uint64_t n, uint64_t wanted, uint64_t end) {
    sort_least(a, n, wanted, end);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void sort_least_avx2(uint32_t *a, uint64_t n, uint64_t wanted,
                                                            uint64_t end) {
    sort_least(a, n, wanted, end);
}
#else
#define sort_least_avx2 sort_least_scalar
#endif

void rarity_prefix(const struct rarity *r, const void *set, uint64_t n, size_t width, uint64_t wanted,
                   uint32_t *prefix, uint32_t *room) {
    const uint32_t *order = r->order, shift = r->shift;
    for (uint64_t k = 0; k < n; k++)
        room[k] = order[place_of(shift, element_at(set, k, width, width))];
    (r->simd == SIMD_SCALAR ? sort_least_scalar : sort_least_avx2)(room, n, wanted, r->places);
    memcpy(prefix, room, wanted * sizeof *prefix);
}
