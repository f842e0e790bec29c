#include "lshjoin/prefix.h"

#include <stdlib.h>

#include "lshjoin/base.h"
#include "lshjoin/sort.h"

/* Elements that a partner shares at least with a set of n, whatever its size: ceil(p n / q). */
static uint64_t least_shared(struct fraction t, uint64_t n) {
    return max_u64(1, (t.p * n + t.q - 1) / t.q);
}

uint64_t prefix_length(struct fraction t, uint64_t n) {
    return n ? n - least_shared(t, n) + 1 : 0;
}

uint64_t prefix_overlap(struct fraction t, uint64_t na, uint64_t nb) {
    return max_u64(1, (t.p * (na + nb) + t.p + t.q - 1) / (t.p + t.q));
}

void prefix_sizes(struct fraction t, uint64_t n, uint64_t *least, uint64_t *most) {
    *least = least_shared(t, n);
    *most = t.p ? t.q * n / t.p : UINT64_MAX;
}

/* Rows by size. */
static void rank_rows(struct prefix_index *x, struct pool *pool, const struct records *sets) {
    struct u64_pair *by_size = mem_alloc(sets->n, sizeof *by_size), *room = mem_alloc(sets->n, sizeof *room);
    for (uint64_t row = 0; row < sets->n; row++)
        by_size[row] = (struct u64_pair){records_length(sets, row), row};
    sort_pairs(pool, by_size, room, sets->n);
    x->n = sets->n;
    x->row = mem_alloc(x->n, sizeof *x->row);
    x->size = mem_alloc(x->n, sizeof *x->size);
    x->rank = mem_alloc(x->n, sizeof *x->rank);
    for (uint64_t k = 0; k < x->n; k++) {
        x->row[k] = (uint32_t)by_size[k].second;
        x->size[k] = (uint32_t)by_size[k].first;
        x->rank[x->row[k]] = (uint32_t)k;
    }
    free(room);
    free(by_size);
}

struct prefixes {
    const struct rarity *rarity;
    struct fraction threshold;
    const struct records *sets;
    const struct prefix_index *index;
    const uint64_t *at;    /* [ranks] where the prefix of each goes */
    struct u64_pair *pair; /* (mixed element, rank and place) */
};

static void take_prefixes(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct prefixes *job = ctx;
    uint64_t most = job->index->size[hi - 1]; /* sizes rise */
    uint64_t *prefix = mem_alloc(2 * most, sizeof *prefix);
    for (uint64_t k = lo; k < hi; k++) {
        uint64_t size = job->index->size[k], n = prefix_length(job->threshold, size);
        rarity_prefix(job->rarity, records_row(job->sets, job->index->row[k]), size, job->sets->item, n,
                      prefix, prefix + most);
        for (uint64_t i = 0; i < n; i++)
            job->pair[job->at[k] + i] = (struct u64_pair){mix64(prefix[i]), k << 32 | i};
    }
    free(prefix);
}

/* Pairs of all prefixes, sorted: to free; *n of them. */
static struct u64_pair *all_prefixes(const struct prefix_index *x, struct pool *pool,
                                     const struct rarity *rarity, struct fraction threshold,
                                     const struct records *sets, uint64_t *n) {
    uint64_t *at = mem_alloc(x->n, sizeof *at), sum = 0;
    for (uint64_t k = 0; k < x->n; k++) {
        at[k] = sum;
        sum += prefix_length(threshold, x->size[k]);
    }
    struct prefixes job = {rarity, threshold, sets, x, at, mem_alloc(sum, sizeof *job.pair)};
    pool_for(pool, x->n, 256, take_prefixes, &job);
    free(at);
    struct u64_pair *room = mem_alloc(sum, sizeof *room);
    sort_pairs(pool, job.pair, room, sum);
    free(room);
    *n = sum;
    return job.pair;
}

/* Postings list by list. */
static void make_lists(struct prefix_index *x, const struct u64_pair *pair, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        x->lists += i == 0 || pair[i].first != pair[i - 1].first;
    x->key = mem_alloc(x->lists, sizeof *x->key);
    x->first = mem_alloc(x->lists + 1, sizeof *x->first);
    x->posting = mem_alloc(n, sizeof *x->posting);
    uint64_t list = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i == 0 || pair[i].first != pair[i - 1].first) {
            x->key[list] = pair[i].first;
            x->first[list++] = i;
        }
        x->posting[i] = (struct posting){(uint32_t)(pair[i].second >> 32), (uint32_t)pair[i].second};
    }
    x->first[list] = n;
}

/* About a list to every leading value. */
static void make_start(struct prefix_index *x) {
    uint32_t bits = 1;
    while ((uint64_t)1 << bits < x->lists)
        bits++;
    x->shift = 64 - bits;
    x->start = mem_alloc(((uint64_t)1 << bits) + 1, sizeof *x->start);
    uint64_t list = 0;
    for (uint64_t value = 0; value < (uint64_t)1 << bits; value++) {
        while (list < x->lists && x->key[list] >> x->shift < value)
            list++;
        x->start[value] = list;
    }
    x->start[(uint64_t)1 << bits] = x->lists;
}

struct prefix_index prefix_index_create(struct pool *pool, const struct rarity *rarity,
                                        struct fraction threshold, const struct records *sets) {
    struct prefix_index x = {0};
    uint64_t n;
    rank_rows(&x, pool, sets);
    struct u64_pair *pair = all_prefixes(&x, pool, rarity, threshold, sets, &n);
    make_lists(&x, pair, n);
    free(pair);
    make_start(&x);
    return x;
}

void prefix_index_free(struct prefix_index *x) {
    free(x->row);
    free(x->size);
    free(x->rank);
    free(x->key);
    free(x->first);
    free(x->posting);
    free(x->start);
    *x = (struct prefix_index){0};
}

uint64_t prefix_index_rank(const struct prefix_index *x, uint64_t size) {
    uint64_t lo = 0, hi = x->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (x->size[mid] < size)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct posting *prefix_index_find(const struct prefix_index *x, uint64_t element, uint64_t *n) {
    uint64_t key = mix64(element), list = x->start[key >> x->shift], end = x->start[(key >> x->shift) + 1];
    while (list < end && x->key[list] < key)
        list++;
    bool found = list < end && x->key[list] == key;
    *n = found ? x->first[list + 1] - x->first[list] : 0;
    return x->posting + (found ? x->first[list] : 0);
}
