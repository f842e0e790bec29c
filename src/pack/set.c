#include "set.h"

#include <stdbool.h>
#include <string.h>

#include "lshjoin/base.h"

enum { FEW = 16, MOST_BITS = 11, MOST_BINS = 1 << MOST_BITS };

/* v[n], a list of its own or a copy of from[n], sorted by insertion: quick where it is short, or nearly
 * sorted. */
static void insertion_sort(uint64_t *v, const uint64_t *from, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        uint64_t x = from[i], j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

/* The bits in which elements differ; 0 too where they rise already. */
static uint64_t differing_bits(const uint64_t *v, uint64_t n) {
    uint64_t differ = 0, falls = 0;
    for (uint64_t i = 1; i < n; i++) {
        differ |= v[i] ^ v[i - 1];
        falls |= v[i] < v[i - 1];
    }
    return falls ? differ : 0;
}

/* Which bits part the elements into bins: as many bins as elements, or as the cache likes. */
struct split {
    int shift;
    uint64_t bins;
};

static struct split split_by(uint64_t differ, uint64_t n) {
    int bits = 64 - __builtin_clzll(n - 1), width = 64 - __builtin_clzll(differ);
    bits = bits < MOST_BITS ? bits : MOST_BITS;
    return (struct split){width > bits ? width - bits : 0, (uint64_t)1 << bits};
}

/* v[n] to `to` by bins, of which end[bin] is then the end. Returns the elements of the largest. */
static uint64_t scatter(const uint64_t *v, uint64_t n, struct split s, uint64_t *to, uint64_t *end) {
    uint64_t mask = s.bins - 1, sum = 0, largest = 0;
    memset(end, 0, s.bins * sizeof *end);
    for (uint64_t i = 0; i < n; i++)
        end[v[i] >> s.shift & mask]++;
    for (uint64_t b = 0; b < s.bins; b++) {
        uint64_t count = end[b];
        largest = max_u64(largest, count);
        end[b] = sum;
        sum += count;
    }
    for (uint64_t i = 0; i < n; i++)
        to[end[v[i] >> s.shift & mask]++] = v[i];
    return largest;
}

/* Radix sort from the highest bits that differ, then in each bin from those that differ there. Of hashes one
 * or two steps leave next to nothing to do, where bytes from the lowest on would take eight; and of whatever
 * elements a step takes some bits, so that there are no more than a dozen. */
static void sort(uint64_t *v, uint64_t n, uint64_t *other) {
    uint64_t differ = n > FEW ? differing_bits(v, n) : 0, end[MOST_BINS];
    if (n <= FEW)
        insertion_sort(v, v, n);
    if (differ == 0)
        return;
    struct split s = split_by(differ, n);
    if (scatter(v, n, s, other, end) <= FEW) {
        insertion_sort(v, other, n);
        return;
    }
    memcpy(v, other, n * sizeof *v);
    for (uint64_t b = 0, at = 0; s.shift > 0 && b < s.bins; at = end[b++])
        sort(v + at, end[b] - at, other);
}

uint64_t set_make(uint64_t *v, uint64_t n, struct buffer *scratch) {
    uint64_t left = 0;
    scratch->bytes = 0;
    sort(v, n, buffer_room(scratch, n * sizeof *v));
    for (uint64_t i = 0; i < n; i++) {
        v[left] = v[i];
        left += i + 1 == n || v[i] != v[i + 1];
    }
    return left;
}
