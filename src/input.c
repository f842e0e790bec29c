#include "input.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "budget.h"
#include "index.h"
#include "input_open.h"
#include "lshjoin/weighted.h"

struct shard inputs_shard(const struct inputs *in, const struct comm *c, const struct options *o) {
    uint64_t rows = in->of[0].rows + (in->n == 2 ? in->of[1].rows : in->old ? in->old->rows : 0);
    bool self_join = in->old ? !o->top_k : in->n == 1 || o->against;
    return (struct shard){.ranks = comm_size(c),
                          .rank = comm_rank(c),
                          .self_join = self_join,
                          .rows = rows,
                          .split = self_join ? rows : in->of[0].rows,
                          .old = !self_join   ? 0
                                 : in->old    ? in->old->rows
                                 : o->against ? in->of[0].rows
                                              : 0};
}

/* Where each rank's rows begin: at the first row before which at least its share of the work lies, an element
 * and a row counted as one each. Every rank looks at an equal number of rows of each input, or at those in
 * its memory. */
static int share_out(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                     struct error *e) {
    struct shard *shard = &in->shard;
    uint64_t size = (uint64_t)comm_size(c), rank = (uint64_t)comm_rank(c);
    uint64_t *length[2] = {NULL, NULL}, first[2] = {0, 0}, n[2] = {0, 0}, before[2] = {0, 0}, sum[2] = {0, 0};
    for (int i = 0; i < in->n; i++) {
        uint64_t rows = in->of[i].rows;
        first[i] = s[i].array ? s[i].first : rows / size * rank + min_u64(rank, rows % size);
        n[i] = s[i].array ? s[i].array->n : rows / size + (rank < rows % size);
        length[i] = mem_alloc(n[i], sizeof **length);
        source_lengths(&s[i], first[i], n[i], length[i], e);
        for (uint64_t k = 0; k < n[i] && !e->status; k++)
            sum[i] += length[i][k] + 1;
        before[i] = comm_sum_before(c, sum[i]);
    }
    comm_sum(c, sum, 2);
    before[1] += sum[0];
    comm_failed(c, e);
    for (int i = 0; i < in->n && !e->status; i++)
        if (!s[i].is_text && !s[i].array)
            h5_records_check_total(&s[i].h5, sum[i] - in->of[i].rows, e);
    *shard = inputs_shard(in, c, o);
    if (in->old && shard->self_join)
        s[0].base = in->old->rows;
    shard->start = mem_alloc(size + 1, sizeof *shard->start);
    for (uint64_t r = 0; r <= size; r++)
        shard->start[r] = s[0].base + in->of[0].rows + (in->n == 2 ? in->of[1].rows : 0);
    if (!comm_failed(c, e)) {
        uint64_t share = (sum[0] + sum[1] + size - 1) / size;
        for (int i = 0; i < in->n; i++)
            for (uint64_t k = 0, r = 0; k < n[i]; k++) {
                for (; r < size && before[i] >= r * share; r++)
                    shard->start[r] = min_u64(shard->start[r], s[i].base + first[i] + k);
                before[i] += length[i][k] + 1;
            }
        comm_min(c, shard->start, size);
    }
    free(length[0]);
    free(length[1]);
    return e->status;
}

/* The rows of source i that this rank holds, by the source's own numbers: from *first on. */
static uint64_t my_rows(const struct inputs *in, const struct source *s, uint64_t *first) {
    uint64_t lo = max_u64(in->shard.start[in->shard.rank], s->base);
    uint64_t hi = min_u64(in->shard.start[in->shard.rank + 1], s->base + s->input->rows);
    *first = lo < hi ? lo - s->base : 0;
    return lo < hi ? hi - lo : 0;
}

/* Append this rank's rows of a source to the sets, which already hold `rows` rows and have offsets for all.
 * Collective. */
static void read_rows(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                      uint64_t rows, struct error *e) {
    struct records *sets = &in->records;
    uint64_t first, n = my_rows(in, s, &first), *offset = sets->offset + rows, bad = UINT64_MAX;
    uint64_t *length = mem_alloc(n, sizeof *length);
    source_lengths(s, first, n, length, e);
    for (uint64_t k = 0; k < n && !e->status; k++)
        offset[k + 1] = offset[k] + length[k];
    free(length);
    uint64_t items = e->status ? 0 : offset[n] - offset[0];
    uint64_t first_item = comm_sum_before(c, items);
    if (comm_failed(c, e) || budget_admit(c, o, offset[n] * sets->item + (sets->n + 1) * sizeof *offset, e))
        return;
    sets->data = mem_grow(sets->data, offset[n], sets->item);
    source_items(s, first_item, items, sets->item, (char *)sets->data + offset[0] * sets->item, &bad, e);
    if (bad != UINT64_MAX) {
        uint64_t row = 0;
        while (offset[row + 1] - offset[0] <= bad - first_item)
            row++;
        source_complain_negative(s, first + row, e);
    }
    comm_failed(c, e);
}

static void read_sets(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                      struct error *e) {
    struct records *sets = &in->records;
    uint64_t ignored;
    if (budget_admit(c, o, 2 * (sets->n + 1) * sizeof *sets->offset, e)) /* offsets, and lengths */
        return;
    sets->offset = mem_zero(sets->n + 1, sizeof *sets->offset);
    read_rows(in, &s[0], c, o, 0, e);
    if (in->n == 2 && !e->status)
        read_rows(in, &s[1], c, o, my_rows(in, &s[0], &ignored), e);
}

/* Bad vectors and weighted sets are an error, or left out. */
static void check_rows(struct inputs *in, const struct source *s, const struct options *o, struct error *e) {
    struct records *r = &in->records;
    for (uint64_t row = 0; row < r->n && !e->status; row++) {
        uint64_t global = in->shard.start[in->shard.rank] + row;
        const struct source *of = &s[in->n == 2 && global >= s[1].base];
        const char *wrong = source_check_row(in, row);
        if (wrong && !o->skip_bad_rows)
            error_set(e, EX_DATAERR, "%s: %s: row %llu %s (--skip-bad-rows leaves such rows out)",
                      of->input->file, of->input->object, (unsigned long long)(global - of->base), wrong);
        in->skipped += wrong != NULL;
    }
    in->left_out = in->skipped;
}

static void read_vectors(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                         struct error *e) {
    struct records *r = &in->records;
    r->width = s[0].h5.columns;
    if (budget_admit(c, o, records_items(r) * r->item, e))
        return;
    r->data = mem_alloc(records_items(r), r->item);
    char *next = r->data;
    for (int i = 0; i < in->n && !e->status; i++) {
        uint64_t first, n = my_rows(in, &s[i], &first), items = n * r->width, bad;
        source_items(&s[i], first * r->width, items, r->item, next, &bad, e);
        next += items * r->item;
    }
}

/* Whether old records' items are of `item` bytes: all that are compared have the same. */
static bool old_are_wide(const struct inputs *in, size_t item) {
    bool are = false;
    for (int i = 0; in->old && i < in->old->n; i++)
        are |= in->old->of[i].item == item;
    return are;
}

/* Weighted sets as they are read become rising and, where all ranks' fit, narrow. */
static void settle_weighted(struct inputs *in, struct comm *c, struct pool *pool) {
    in->hash = mem_alloc(in->records.n, sizeof *in->hash);
    weighted_sort(&in->records, pool, in->hash);
    uint64_t is_wide = !weighted_fits_narrow(&in->records);
    comm_max(c, &is_wide, 1);
    if (!is_wide && !old_are_wide(in, sizeof(struct weighted_wide)))
        weighted_make_narrow(&in->records);
}

static int read_records(struct inputs *in, struct source *s, struct comm *c, struct pool *pool,
                        const struct options *o, struct error *e) {
    uint64_t n = shard_local_rows(&in->shard);
    if (in->shard.rows > SHARD_MAX_ROWS)
        error_set(e, EX_DATAERR, "%llu rows in all: at most 2^40", (unsigned long long)in->shard.rows);
    else if (n > SHARD_MAX_LOCAL)
        error_set(e, EX_DATAERR, "%llu rows for one rank: at most 2^32-1; use more ranks",
                  (unsigned long long)n);
    if (comm_failed(c, e))
        return e->status;
    in->records = (struct records){.n = n, .item = sources_item(in, s)};
    if (o->arrays)
        in->records = arrays_share(o->arrays, c, &in->shard);
    else if (in->family->is_of_vectors)
        read_vectors(in, s, c, o, e);
    else
        read_sets(in, s, c, o, e);
    if ((in->family->is_of_vectors || in->family->is_weighted) && !e->status)
        check_rows(in, s, o, e);
    if (comm_failed(c, e))
        return e->status;
    if (in->family->is_of_vectors) {
        comm_max_double(c, &in->largest_norm, 1);
        in->hash = mem_alloc(n, sizeof *in->hash);
        records_hash(&in->records, pool, in->hash);
        return 0;
    }
    if (in->family->is_weighted) {
        settle_weighted(in, c, pool);
        return 0;
    }
    if (in->records.item == sizeof(uint64_t)) {
        uint64_t largest = records_max_element(&in->records, in->records.item);
        comm_max(c, &largest, 1);
        if (largest <= UINT32_MAX && !old_are_wide(in, sizeof(uint64_t)))
            records_narrow(&in->records);
    }
    in->hash = mem_alloc(n, sizeof *in->hash);
    records_sort_sets(&in->records, pool, in->hash);
    return 0;
}

/* Arrays as sources. */
static int take_arrays(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                       struct error *e) {
    struct arrays *a = o->arrays;
    uint64_t rows[2], items[2];
    if (arrays_place(a, c, rows, items, e))
        return e->status;
    in->n = a->n;
    for (int i = 0; i < a->n; i++) {
        struct input *of = &in->of[i];
        snprintf(of->file, sizeof of->file, "memory");
        snprintf(of->object, sizeof of->object, "input %d", i);
        of->kind = a->are_vectors ? "dense" : "csr";
        of->rows = rows[i];
        of->elements = items[i];
        s[i].input = of;
        s[i].array = &a->of[i];
        s[i].base = i ? rows[0] : 0;
        s[i].first = a->first[i] - s[i].base;
        s[i].h5.columns = a->of[i].width;
    }
    sources_choose_family(in, s, o, e);
    comm_failed(c, e);
    return e->status;
}

int inputs_read(struct inputs *in, struct indexes *old, struct comm *c, struct pool *pool,
                const struct options *o, struct metrics *m, struct error *e) {
    struct source s[2] = {{.metrics = m}, {.metrics = m}};
    *in = (struct inputs){.old = old};
    metrics_phase(m, "read", "elements");
    if (!(o->arrays ? take_arrays : sources_open)(in, s, c, o, e) && !share_out(in, s, c, o, e))
        read_records(in, s, c, pool, o, e);
    if (in->old && !e->status && !indexes_admit(in->old, in, e))
        in->largest_norm = fmax(in->largest_norm, in->old->plan.drawing.norm);
    comm_failed(c, e);
    sources_close(s);
    return e->status;
}

void inputs_free(struct inputs *in) {
    records_free(&in->records);
    free(in->hash);
    free(in->shard.start);
    *in = (struct inputs){0};
}
