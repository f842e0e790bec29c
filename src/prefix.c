#include "lshjoin/prefix.h"

#include <stdlib.h>

#include "lshjoin/base.h"
#include "lshjoin/sort.h"

struct prefix_rule prefix_rule(struct fraction t, enum prefix_role role) {
    if (role == PREFIX_ALIKE)
        return (struct prefix_rule){t.p, t.p + t.q, 1, 1};
    return (struct prefix_rule){t.p, t.q, role == PREFIX_CONTAINED, role == PREFIX_CONTAINING};
}

struct prefix_rule prefix_mirror(struct prefix_rule r) {
    return (struct prefix_rule){r.p, r.whole, r.other, r.own};
}

static uint64_t divide_up(uint64_t n, uint64_t by) {
    return (n + by - 1) / by;
}

/* Elements that a partner shares at least with a set of n, whatever its size, which is no less. */
static uint64_t least_shared(struct prefix_rule r, uint64_t n) {
    return !r.own ? 1 : max_u64(1, divide_up(r.p * r.own * n, r.whole - r.p * r.other));
}

uint64_t prefix_length(struct prefix_rule r, uint64_t n) {
    return n ? n - least_shared(r, n) + 1 : 0;
}

uint64_t prefix_overlap(struct prefix_rule r, uint64_t n, uint64_t m) {
    return max_u64(1, divide_up(r.p * (r.own * n + r.other * m), r.whole));
}

void prefix_sizes(struct prefix_rule r, uint64_t n, uint64_t *least, uint64_t *most) {
    *least = least_shared(r, n);
    *most = r.p && r.other ? (r.whole - r.p * r.own) * n / r.p : UINT64_MAX;
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

struct making {
    const struct rarity *rarity;
    struct prefix_rule rule;
    const struct records *sets;
    struct prefix_index *index;
    bool later;     /* whether the second lists are made */
    uint64_t *next; /* [lists] of each list its number of postings, then where the next one goes */
};

/* In the order of rows, as they lie in memory. */
static void take_prefixes(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct making *job = ctx;
    const struct prefix_index *x = job->index;
    uint64_t most = 0;
    for (uint64_t row = lo; row < hi; row++)
        most = max_u64(most, records_length(job->sets, row));
    uint32_t *room = mem_alloc(most, sizeof *room);
    for (uint64_t row = lo; row < hi; row++) {
        uint64_t k = x->rank[row];
        rarity_prefix(job->rarity, records_row(job->sets, row), x->size[k], job->sets->item,
                      x->at[k + 1] - x->at[k], x->prefix + x->at[k], room);
    }
    free(room);
}

/* The place from which on postings of a set of n matter for smaller sets only. */
static uint64_t first_later(struct prefix_rule r, uint64_t n) {
    return n ? n - prefix_overlap(r, n, n) + 1 : 0;
}

/* Counts the postings of elements [lo, hi), or puts them where there is room for them. Every thread looks at
 * all prefixes for its own elements: they are read in a row, and lists need no locks. */
static void walk_postings(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct making *job = ctx;
    const struct prefix_index *x = job->index;
    for (uint64_t k = 0; k < x->n; k++) {
        const uint32_t *prefix = x->prefix + x->at[k];
        uint64_t later = first_later(job->rule, x->size[k]), all = x->at[k + 1] - x->at[k];
        uint64_t n = job->later ? all : min_u64(later, all);
        for (uint64_t i = 0; i < n; i++)
            if (prefix[i] - lo < hi - lo) {
                uint64_t place = job->next[2 * (uint64_t)prefix[i] + (i >= later)]++;
                if (x->posting)
                    x->posting[place] = (struct posting){(uint32_t)k, (uint32_t)i};
            }
    }
}

/* Postings list by list. */
static void make_lists(struct making *job, struct pool *pool) {
    struct prefix_index *x = job->index;
    uint64_t elements = job->rarity->used, lists = 2 * elements, sum = 0;
    uint64_t pieces = pool_threads(pool) == 1 ? 1 : 4 * (uint64_t)pool_threads(pool);
    uint64_t piece = elements / pieces + 1;
    x->first = mem_zero(lists + 2, sizeof *x->first);
    job->next = x->first + 1; /* what ends a list begins the next one */
    pool_for(pool, elements, piece, walk_postings, job);
    for (uint64_t list = 0; list <= lists; list++) {
        uint64_t count = job->next[list];
        job->next[list] = sum;
        sum += count;
    }
    x->posting = mem_alloc(sum, sizeof *x->posting);
    pool_for(pool, elements, piece, walk_postings, job);
}

struct prefix_index prefix_index_create(struct pool *pool, const struct rarity *rarity,
                                        struct prefix_rule rule, const struct records *sets, bool later) {
    struct prefix_index x = {0};
    rank_rows(&x, pool, sets);
    x.at = mem_zero(x.n + 1, sizeof *x.at);
    for (uint64_t k = 0; k < x.n; k++)
        x.at[k + 1] = x.at[k] + prefix_length(rule, x.size[k]);
    x.prefix = mem_alloc(x.at[x.n], sizeof *x.prefix);
    struct making job = {rarity, rule, sets, &x, later, NULL};
    pool_for(pool, x.n, 256, take_prefixes, &job);
    make_lists(&job, pool);
    return x;
}

void prefix_index_free(struct prefix_index *x) {
    free(x->row);
    free(x->size);
    free(x->rank);
    free(x->at);
    free(x->prefix);
    free(x->first);
    free(x->posting);
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
