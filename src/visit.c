#include "visit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/sort.h"

struct visit {
    struct u64_pair *want; /* [n] (row as this rank counts it, k), sorted */
    uint64_t n, taken;
    void (*take)(void *ctx, uint64_t k, const void *row, uint64_t items);
    void *ctx;
};

static struct u64_pair *sort_wanted(struct pool *pool, const struct shard *s, const uint64_t *rows,
                                    uint64_t n) {
    struct u64_pair *want = mem_alloc(n, sizeof *want), *scratch = mem_alloc(n, sizeof *scratch);
    for (uint64_t k = 0; k < n; k++)
        want[k] = (struct u64_pair){shard_relative(s, s->rank, rows[k]), k};
    sort_pairs(pool, want, scratch, n);
    free(scratch);
    return want;
}

/* The next row that is wanted, for all that want it. */
static void take_all(struct visit *v, const void *row, uint64_t items) {
    for (uint64_t same = v->want[v->taken].first; v->taken < v->n && v->want[v->taken].first == same;
         v->taken++)
        v->take(v->ctx, v->want[v->taken].second, row, items);
}

void visit_rows(struct comm *c, struct pool *pool, const struct shard *shard, const struct records *own,
                const uint64_t *rows, uint64_t n, uint64_t most,
                void (*take)(void *ctx, uint64_t k, const void *row, uint64_t items), void *ctx) {
    struct visit v = {sort_wanted(pool, shard, rows, n), n, 0, take, ctx};
    uint64_t local = shard_local_rows(shard), others = 0, first;
    while (v.taken < n && v.want[v.taken].first < local) {
        uint64_t row = v.want[v.taken].first;
        take_all(&v, records_row(own, row), records_length(own, row));
    }
    uint64_t *other = mem_alloc(n - v.taken, sizeof *other);
    for (uint64_t k = v.taken; k < n; k++)
        if (others == 0 || other[others - 1] != v.want[k].first)
            other[others++] = v.want[k].first;
    const struct records *portion;
    struct fetch *fetch = comm_fetch_begin(c, shard, own, other, others, most);
    while (comm_fetch_next(fetch, &first, &portion))
        for (uint64_t i = 0; i < portion->n; i++)
            take_all(&v, records_row(portion, i), records_length(portion, i));
    comm_fetch_end(fetch);
    free(other);
    free(v.want);
}

void visit_pick(struct comm *c, const struct shard *shard, const struct records *records,
                const uint64_t *rows, uint64_t n, uint64_t most, void *out) {
    if (shard_held(shard) == shard->rows) {
        comm_pick(c, shard, records, rows, n, most, out);
        return;
    }
    size_t bytes = records->width * records->item;
    uint64_t *held = mem_alloc(n, sizeof *held), *place = mem_alloc(n, sizeof *place), n_held = 0, k;
    for (uint64_t i = 0; i < n; i++) {
        held[n_held] = rows[i];
        place[n_held] = i;
        n_held += shard_holds(shard, rows[i]);
    }
    char *picked = mem_alloc(n_held, bytes);
    comm_pick(c, shard, records, held, n_held, most, picked);
    for (k = 0; k < n_held; k++)
        memcpy((char *)out + place[k] * bytes, picked + k * bytes, bytes);
    free(picked);
    free(place);
    free(held);
}
