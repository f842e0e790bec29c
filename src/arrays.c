#include "arrays.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static void check(const struct arrays *a, struct error *e) {
    for (int i = 0; i < a->n; i++) {
        const struct records *r = &a->of[i];
        if (r->offset && r->offset[0] != 0)
            error_set(e, EX_DATAERR, "offsets of sets begin with 0");
        for (uint64_t row = 0; r->offset && row < r->n && !e->status; row++)
            if (r->offset[row + 1] < r->offset[row] || r->offset[row + 1] - r->offset[row] > INT_MAX)
                error_set(e, EX_DATAERR,
                          "set %llu of this rank: offsets fall, or it has more than 2^31-1 elements",
                          (unsigned long long)row);
        if (!e->status && records_items(r) > INT_MAX)
            error_set(e, EX_DATAERR, "%llu numbers on one rank: at most 2^31-1; use more ranks",
                      (unsigned long long)records_items(r));
    }
}

int arrays_place(struct arrays *a, struct comm *c, uint64_t rows[2], uint64_t items[2], struct error *e) {
    check(a, e);
    uint64_t width = a->are_vectors ? a->of[0].width : 0, all = width;
    comm_max(c, &all, 1);
    if (width != all || (a->n == 2 && a->are_vectors && a->of[1].width != width) ||
        (a->are_vectors && !width))
        error_set(e, EX_DATAERR, "vectors must have one width, above 0, on all ranks");
    if (comm_failed(c, e))
        return e->status;
    uint64_t before = 0;
    for (int i = 0; i < 2; i++) {
        rows[i] = i < a->n ? a->of[i].n : 0;
        items[i] = i < a->n ? records_items(&a->of[i]) : 0;
        a->first[i] = comm_sum_before(c, rows[i]);
    }
    comm_sum(c, rows, 2);
    comm_sum(c, items, 2);
    for (int i = 0; i < a->n; before += rows[i++])
        a->first[i] += before;
    return 0;
}

/* One input's rows to their ranks, behind those that *r has; it has offsets for all. */
static void share_input(const struct arrays *a, int i, struct comm *c, const struct shard *s,
                        struct records *r, uint64_t *rows) {
    const struct records *own = &a->of[i];
    uint64_t ranks = (uint64_t)s->ranks, *n = mem_zero(4 * ranks, sizeof *n);
    uint64_t *n_rows = n, *came_rows = n + ranks, *n_items = n + 2 * ranks, *came_items = n + 3 * ranks;
    uint64_t *length = mem_alloc(own->n, sizeof *length), came = 0, items = 0;
    for (uint64_t k = 0; k < own->n; k++) {
        int to = shard_rank(s, a->first[i] + k);
        length[k] = records_length(own, k);
        n_rows[to]++;
        n_items[to] += length[k];
    }
    comm_counts(c, n_rows, came_rows, 1);
    comm_counts(c, n_items, came_items, 1);
    for (uint64_t k = 0; k < ranks; k++) {
        came += came_rows[k];
        items += came_items[k];
    }
    length = comm_exchange(c, sizeof *length, length, n_rows, came_rows);
    uint64_t end = r->offset[*rows];
    for (uint64_t k = 0; k < came; k++)
        r->offset[*rows + k + 1] = r->offset[*rows + k] + length[k];
    free(length);
    void *data = mem_alloc(records_items(own), own->item);
    if (records_items(own) > 0)
        memcpy(data, own->data, records_items(own) * own->item);
    data = comm_exchange(c, own->item, data, n_items, came_items);
    r->data = mem_grow(r->data, end + items, own->item);
    if (items > 0)
        memcpy((char *)r->data + end * own->item, data, items * own->item);
    free(data);
    free(n);
    *rows += came;
}

struct records arrays_share(const struct arrays *a, struct comm *c, const struct shard *s) {
    struct records r = {.n = shard_local_rows(s), .item = a->of[0].item, .width = a->of[0].width};
    uint64_t rows = 0;
    r.offset = mem_zero(r.n + 1, sizeof *r.offset);
    for (int i = 0; i < a->n; i++)
        share_input(a, i, c, s, &r, &rows);
    if (a->are_vectors) {
        free(r.offset);
        r.offset = NULL;
    }
    return r;
}

void arrays_take_groups(struct arrays *a, struct comm *c, const struct shard *shard, uint64_t most,
                        const uint64_t *label, const uint8_t *keep) {
    struct records labels = {
        .n = shard_local_rows(shard), .item = sizeof *label, .width = 1, .data = (void *)label};
    struct records keeps = {.n = labels.n, .item = sizeof *keep, .width = 1, .data = (void *)keep};
    uint64_t n = a->of[0].n + (a->n == 2 ? a->of[1].n : 0), *rows = mem_alloc(n, sizeof *rows), k = 0;
    for (int i = 0; i < a->n; i++)
        for (uint64_t row = 0; row < a->of[i].n; row++)
            rows[k++] = a->first[i] + row;
    a->label = mem_alloc(n, sizeof *a->label);
    a->keep = mem_alloc(n, sizeof *a->keep);
    comm_pick(c, shard, &labels, rows, n, most, a->label);
    comm_pick(c, shard, &keeps, rows, n, most, a->keep);
    free(rows);
}
