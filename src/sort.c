#include "lshjoin/sort.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

enum { FEW = 48, SPLIT_BITS = 12, SPLIT_FROM = 1 << 14 };

static bool less(struct u64_pair a, struct u64_pair b) {
    return a.first < b.first || (a.first == b.first && a.second < b.second);
}

static void insertion_sort(struct u64_pair *a, uint64_t n) {
    for (uint64_t i = 1; i < n; i++) {
        struct u64_pair x = a[i];
        uint64_t j = i;
        for (; j > 0 && less(x, a[j - 1]); j--)
            a[j] = a[j - 1];
        a[j] = x;
    }
}

/* Byte k of a pair as a 128-bit number, the least first. */
static unsigned byte_of(struct u64_pair p, int k) {
    return (unsigned)((k < 8 ? p.second : p.first) >> (k % 8 * 8)) & 0xff;
}

static void scatter_by_byte(const struct u64_pair *from, struct u64_pair *to, uint64_t n, int k) {
    uint64_t place[256] = {0}, sum = 0;
    for (uint64_t i = 0; i < n; i++)
        place[byte_of(from[i], k)]++;
    for (int v = 0; v < 256; v++) {
        uint64_t count = place[v];
        place[v] = sum;
        sum += count;
    }
    for (uint64_t i = 0; i < n; i++)
        to[place[byte_of(from[i], k)]++] = from[i];
}

/* Sort from[n] into `to`, which must be one of the two buffers; both are overwritten. */
static void radix_sort(struct u64_pair *from, struct u64_pair *other, struct u64_pair *to, uint64_t n) {
    struct u64_pair differ = {0, 0};
    for (uint64_t i = 1; n > FEW && i < n; i++) {
        differ.first |= from[i].first ^ from[0].first;
        differ.second |= from[i].second ^ from[0].second;
    }
    for (int k = 0; k < 16; k++)
        if (byte_of(differ, k)) {
            scatter_by_byte(from, other, n, k);
            struct u64_pair *swap = from;
            from = other;
            other = swap;
        }
    if (n <= FEW)
        insertion_sort(from, n);
    if (from != to)
        memcpy(to, from, n * sizeof *to);
}

/* The split: leading bits of `first` decide a record's bin; piece by piece so that threads share the work. */
struct split {
    struct u64_pair *a, *tmp;
    uint64_t n, low, piece;
    int shift;
    uint64_t *place; /* [pieces][1 << SPLIT_BITS] where a piece's next record of a bin goes */
    uint64_t *end;   /* [1 << SPLIT_BITS] of each bin */
};

static uint64_t *places_of(const struct split *s, uint64_t lo) {
    return s->place + (lo / s->piece << SPLIT_BITS);
}

static void split_count(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct split *s = ctx;
    uint64_t *count = places_of(s, lo);
    for (uint64_t i = lo; i < hi; i++)
        count[(s->a[i].first - s->low) >> s->shift]++;
}

static void split_scatter(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct split *s = ctx;
    uint64_t *place = places_of(s, lo);
    for (uint64_t i = lo; i < hi; i++)
        s->tmp[place[(s->a[i].first - s->low) >> s->shift]++] = s->a[i];
}

static void split_sort_bins(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct split *s = ctx;
    for (uint64_t bin = lo; bin < hi; bin++) {
        uint64_t first = bin ? s->end[bin - 1] : 0;
        radix_sort(s->tmp + first, s->a + first, s->a + first, s->end[bin] - first);
    }
}

void sort_pairs(struct pool *pool, struct u64_pair *a, struct u64_pair *tmp, uint64_t n) {
    if (n < SPLIT_FROM) {
        radix_sort(a, tmp, a, n);
        return;
    }
    struct split s = {.a = a, .tmp = tmp, .n = n, .low = a[0].first};
    uint64_t high = a[0].first;
    for (uint64_t i = 0; i < n; i++) {
        s.low = min_u64(s.low, a[i].first);
        high = max_u64(high, a[i].first);
    }
    while ((high - s.low) >> s.shift >> SPLIT_BITS)
        s.shift++;
    uint64_t pieces = (uint64_t)pool_threads(pool), bins = (uint64_t)1 << SPLIT_BITS;
    s.piece = (n + pieces - 1) / pieces;
    s.place = mem_zero(pieces * bins, sizeof *s.place);
    s.end = mem_alloc(bins, sizeof *s.end);
    pool_for(pool, n, s.piece, split_count, &s);
    uint64_t sum = 0;
    for (uint64_t bin = 0; bin < bins; bin++) {
        for (uint64_t p = 0; p < pieces; p++) {
            uint64_t count = s.place[p * bins + bin];
            s.place[p * bins + bin] = sum;
            sum += count;
        }
        s.end[bin] = sum;
    }
    pool_for(pool, n, s.piece, split_scatter, &s);
    pool_for(pool, bins, 16, split_sort_bins, &s);
    free(s.place);
    free(s.end);
}
