/* peer_exact IN.bin NUMERATOR DENOMINATOR OUT.bin: every pair of sets of Jaccard similarity
 * NUMERATOR/DENOMINATOR or more, by a plain prefix filter: what --exact is measured against. One thread, no
 * tricks.
 *
 * The algorithm is PPJoin's (Xiao, Wang, Lin, Yu 2008): two sets that share enough share one of their rarest
 * elements. Sets are taken by size; an index lists who has which of its rarest elements, and where in the
 * row. The place bounds how many more can be shared. IN.bin is what make_data.py writes; OUT.bin is uint32
 * left, right, by pairs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "peer.h"

/* Who has an element in its prefix: the sets by size, number `by_size`, and at which place of the row. */
struct posting {
    uint32_t by_size, place;
};

struct index {
    int64_t *begin; /* [elements + 1] */
    struct posting *posting;
};

static struct sets sets;
static int64_t numerator, denominator;

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

/* How many elements sets of so many in all must share. */
static int64_t least_shared(int64_t together) {
    return divide_up(numerator * together, numerator + denominator);
}

static int64_t least_size(int64_t size) {
    return divide_up(numerator * size, denominator);
}

/* Elements to index of a set that no smaller one looks up. */
static int64_t indexed(int64_t size) {
    return size ? size - least_shared(2 * size) + 1 : 0;
}

static int compare_sizes(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int64_t sx = set_size(&sets, x), sy = set_size(&sets, y);
    return sx != sy ? (sx > sy) - (sx < sy) : (x > y) - (x < y);
}

static struct index make_index(const uint32_t *order) {
    int64_t universe = sets_universe(&sets);
    struct index x = {.begin = peer_alloc(universe + 2, sizeof(int64_t))};
    memset(x.begin, 0, (size_t)(universe + 2) * sizeof *x.begin);
    for (int64_t i = 0; i < sets.n; i++)
        for (int64_t k = 0; k < indexed(set_size(&sets, i)); k++)
            x.begin[set_row(&sets, i)[k] + 2]++;
    for (int64_t e = 2; e < universe + 2; e++)
        x.begin[e] += x.begin[e - 1];
    x.posting = peer_alloc(x.begin[universe + 1], sizeof *x.posting);
    for (int64_t o = 0; o < sets.n; o++) /* begin[e + 1] moves on to where the postings of e end */
        for (int64_t k = 0; k < indexed(set_size(&sets, order[o])); k++)
            x.posting[x.begin[set_row(&sets, order[o])[k] + 1]++] =
                (struct posting){(uint32_t)o, (uint32_t)k};
    return x;
}

/* The first posting of an element whose set is large enough. */
static int64_t first_posting(const struct index *x, const uint32_t *order, uint32_t element, int64_t least) {
    int64_t low = x->begin[element], high = x->begin[element + 1];
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (set_size(&sets, order[x->posting[middle].by_size]) < least)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Counts in shared[] the elements of both prefixes that set number o has with those before it; -1 where the
 * places show that they cannot share enough. Returns how many are in seen[]. */
static int64_t look_up(const struct index *x, const uint32_t *order, uint32_t o, int32_t *shared,
                       uint32_t *seen) {
    int64_t size = set_size(&sets, order[o]), least = least_size(size), n = 0;
    for (int64_t k = 0; k < size - least + 1; k++) {
        uint32_t element = set_row(&sets, order[o])[k];
        int64_t end = x->begin[element + 1];
        for (int64_t p = first_posting(x, order, element, least); p < end && x->posting[p].by_size < o; p++) {
            uint32_t other = x->posting[p].by_size;
            if (shared[other] < 0)
                continue;
            int64_t other_size = set_size(&sets, order[other]);
            int64_t left = size - k - 1, other_left = other_size - x->posting[p].place - 1;
            if (shared[other] == 0)
                seen[n++] = other;
            bool enough = shared[other] + 1 + (left < other_left ? left : other_left) >=
                          least_shared(size + other_size);
            shared[other] = enough ? shared[other] + 1 : -1;
        }
    }
    return n;
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: %s IN.bin NUMERATOR DENOMINATOR OUT.bin\n", argv[0]);
        return EX_USAGE;
    }
    sets = sets_read(argv[1]);
    numerator = atoll(argv[2]);
    denominator = atoll(argv[3]);
    uint32_t *order = peer_alloc(sets.n, sizeof *order), *seen = peer_alloc(sets.n, sizeof *seen);
    for (int64_t i = 0; i < sets.n; i++)
        order[i] = (uint32_t)i;
    qsort(order, (size_t)sets.n, sizeof *order, compare_sizes);
    struct index x = make_index(order);
    int32_t *shared = peer_alloc(sets.n, sizeof *shared);
    memset(shared, 0, (size_t)sets.n * sizeof *shared);
    struct pairs found = {0};
    for (int64_t o = 0; o < sets.n; o++) {
        int64_t n = look_up(&x, order, (uint32_t)o, shared, seen);
        for (int64_t k = 0; k < n; k++) {
            uint32_t i = order[o], j = order[seen[k]];
            bool hopeful = shared[seen[k]] > 0;
            shared[seen[k]] = 0;
            if (hopeful && sets_share(&sets, i, j, least_shared(set_size(&sets, i) + set_size(&sets, j))))
                pairs_add(&found, i, j);
        }
    }
    pairs_write(&found, argv[4]);
    return 0;
}
