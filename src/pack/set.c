#include "set.h"

#include <stdbool.h>
#include <string.h>

#include "lshjoin/base.h"

enum { FEW = 24, MOST_BITS = 8 };

static void insertion_sort(uint64_t *v, uint64_t n) {
    for (uint64_t i = 1; i < n; i++) {
        uint64_t x = v[i], j = i;
        for (; j > 0 && v[j - 1] > x; j--)
            v[j] = v[j - 1];
        v[j] = x;
    }
}

/* Bits for some two elements a bin, if they are spread as hashes are. */
static int bits_for(uint64_t n) {
    int bits = 62 - __builtin_clzll(n);
    return bits < MOST_BITS ? bits : MOST_BITS;
}

/* The bits in which elements differ; 0 too where they rise already. */
static uint64_t differing_bits(const uint64_t *v, uint64_t n) {
    uint64_t differ = 0;
    bool rises = true;
    for (uint64_t i = 1; i < n; i++) {
        differ |= v[i] ^ v[i - 1];
        rises &= v[i] >= v[i - 1];
    }
    return rises ? 0 : differ;
}

/* By the leading bits that differ, then each bin by those that differ there: of hashes, a look or two at each
 * element where passes from the lowest byte on would be eight. Every step takes the bins apart by MOST_BITS,
 * whatever the elements are. */
static void sort(uint64_t *v, uint64_t n, uint64_t *other) {
    if (n <= FEW) {
        insertion_sort(v, n);
        return;
    }
    uint64_t differ = differing_bits(v, n), end[(1 << MOST_BITS) + 1] = {0}, at = 0;
    if (differ == 0)
        return;
    int bits = bits_for(n), width = 64 - __builtin_clzll(differ), shift = width > bits ? width - bits : 0;
    uint64_t bins = (uint64_t)1 << bits, mask = bins - 1;
    for (uint64_t i = 0; i < n; i++)
        end[(v[i] >> shift & mask) + 1]++;
    for (uint64_t b = 1; b <= bins; b++)
        end[b] += end[b - 1];
    for (uint64_t i = 0; i < n; i++)
        other[end[v[i] >> shift & mask]++] = v[i];
    memcpy(v, other, n * sizeof *v);
    for (uint64_t b = 0; shift > 0 && b < bins; at = end[b++])
        if (end[b] - at > 1)
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
