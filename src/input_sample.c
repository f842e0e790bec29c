#include "input_sample.h"

#include <stdlib.h>
#include <string.h>

#include "input_open.h"
#include "lshjoin/weighted.h"

/* Sampled rows while they are gathered, and their places in a source's flat list. */
struct gathered {
    uint64_t n, capacity;
    uint64_t *row, *begin, *length;
};

/* Of a share of a source's rows those that are sampled. Flat sets are read whole: where a row begins is known
 * from all sizes before it. */
static void find_rows(struct source *s, const struct shard *shard, const struct options *o,
                      struct gathered *g, struct error *e) {
    uint64_t rows = s->input->rows, size = (uint64_t)shard->ranks, rank = (uint64_t)shard->rank;
    uint64_t first = rows / size * rank + min_u64(rank, rows % size), n = rows / size + (rank < rows % size);
    bool is_flat = !s->is_text && strcmp(s->input->kind, "flat") == 0;
    uint64_t *all = is_flat ? mem_alloc(rows, sizeof *all) : NULL, before = 0;
    if (is_flat)
        source_lengths(s, 0, rows, all, e);
    for (uint64_t row = 0; is_flat && row < first && !e->status; row++)
        before += all[row];
    for (uint64_t row = first; row < first + n && !e->status; row++) {
        uint64_t begin = before, length = is_flat ? all[row] : 0;
        before += length;
        if (!sample_has_row(shard, s->base + row, o->seed))
            continue;
        if (!is_flat)
            source_place(s, row, &begin, &length, e);
        if (g->n == g->capacity) {
            g->capacity = 2 * g->capacity + 1024;
            g->row = mem_grow(g->row, g->capacity, sizeof *g->row);
            g->begin = mem_grow(g->begin, g->capacity, sizeof *g->begin);
            g->length = mem_grow(g->length, g->capacity, sizeof *g->length);
        }
        g->row[g->n] = row;
        g->begin[g->n] = begin;
        g->length[g->n++] = length;
    }
    free(all);
}

/* The gathered rows of both sources into in->records. */
static void read_gathered(struct inputs *in, struct source *s, const struct gathered *g, struct error *e) {
    struct records *r = &in->records;
    bool vectors = in->family->is_of_vectors;
    uint64_t items = 0;
    *r = (struct records){.n = g[0].n + g[1].n, .item = sources_item(in, s), .width = s[0].h5.columns};
    for (int i = 0; i < in->n; i++)
        for (uint64_t k = 0; k < g[i].n; k++)
            items += g[i].length[k];
    r->data = mem_alloc(items, r->item);
    if (!vectors)
        r->offset = mem_zero(r->n + 1, sizeof *r->offset);
    uint64_t row = 0, at = 0, bad;
    for (int i = 0; i < in->n; i++)
        for (uint64_t k = 0; k < g[i].n && !e->status; k++, row++) {
            source_items(&s[i], g[i].begin[k], g[i].length[k], r->item, (char *)r->data + at * r->item, &bad,
                         e);
            if (bad != UINT64_MAX)
                source_complain_negative(&s[i], g[i].row[k], e);
            at += g[i].length[k];
            if (!vectors)
                r->offset[row + 1] = at;
        }
    for (row = 0; vectors && row < r->n && !e->status; row++)
        source_check_row(in, row);
}

int inputs_read_sample(struct inputs *in, struct comm *c, struct pool *pool, const struct options *o,
                       uint64_t *left, struct error *e) {
    struct source s[2] = {{0}, {0}};
    struct gathered g[2] = {{0}, {0}};
    *in = (struct inputs){0};
    if (!sources_open(in, s, c, o, e)) {
        in->shard = inputs_shard(in, c, o);
        for (int i = 0; i < in->n; i++)
            find_rows(&s[i], &in->shard, o, &g[i], e);
        if (!comm_failed(c, e))
            read_gathered(in, s, g, e);
        if (comm_failed(c, e))
            ; /* left as it is */
        else if (in->family->is_of_vectors)
            comm_max_double(c, &in->largest_norm, 1);
        else if (in->family->is_weighted)
            weighted_sort(&in->records, pool, NULL);
        else
            records_sort_sets(&in->records, pool, NULL);
    }
    *left = in->shard.self_join ? in->records.n : g[0].n;
    for (int i = 0; i < 2; i++) {
        free(g[i].row);
        free(g[i].begin);
        free(g[i].length);
    }
    sources_close(s);
    return e->status;
}
