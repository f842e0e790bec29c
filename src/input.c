#include "input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "input_open.h"
#include "lshjoin/distance.h"

/* Where each rank's rows begin: at the first row before which at least its share of the work lies, an element
 * and a row counted as one each. Every rank looks at an equal number of rows of each input. */
static int share_out(struct inputs *in, struct source *s, struct comm *c, struct error *e) {
    struct shard *shard = &in->shard;
    uint64_t size = (uint64_t)comm_size(c), rank = (uint64_t)comm_rank(c);
    uint64_t *length[2] = {NULL, NULL}, first[2] = {0, 0}, n[2] = {0, 0}, before[2] = {0, 0}, sum[2] = {0, 0};
    for (int i = 0; i < in->n; i++) {
        uint64_t rows = in->of[i].rows;
        first[i] = rows / size * rank + min_u64(rank, rows % size);
        n[i] = rows / size + (rank < rows % size);
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
        if (!s[i].is_text)
            h5_records_check_total(&s[i].h5, sum[i] - in->of[i].rows, e);
    *shard = (struct shard){
        .ranks = (int)size, .rank = (int)rank, .self_join = in->n == 1, .split = in->of[0].rows};
    shard->rows = in->of[0].rows + (in->n == 2 ? in->of[1].rows : 0);
    shard->start = mem_alloc(size + 1, sizeof *shard->start);
    for (uint64_t r = 0; r <= size; r++)
        shard->start[r] = shard->rows;
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

/* Elements [first, first + n) of a file, in slices, so that there is progress to tell. */
static void read_h5(struct source *s, uint64_t first, uint64_t n, void *out, uint64_t *bad, struct error *e) {
    uint64_t whole = max_u64(1, s->h5.columns), slice = max_u64(1, ((uint64_t)8 << 20) / whole) * whole;
    *bad = UINT64_MAX;
    for (uint64_t at = 0; at < n && !e->status && *bad == UINT64_MAX; at += slice) {
        metrics_progress(s->metrics, (double)at / (double)n, at);
        h5_records_elements(&s->h5, first + at, min_u64(slice, n - at), (char *)out + at * s->h5.width, bad,
                            e);
    }
}

/* Elements [first, first + n) of a source into `out`, items of `item` bytes, at least the source's own width.
 */
static void read_elements(struct source *s, uint64_t first, uint64_t n, size_t item, void *out, uint64_t *bad,
                          struct error *e) {
    size_t width = s->is_text ? sizeof(uint32_t) : s->h5.width;
    void *own = width == item ? out : mem_alloc(n, width);
    if (s->is_text)
        memcpy(own, (const uint32_t *)s->text.data + first, n * width);
    else
        read_h5(s, first, n, own, bad, e);
    if (own == out)
        return;
    for (uint64_t k = 0; k < n; k++)
        ((uint64_t *)out)[k] = ((const uint32_t *)own)[k];
    free(own);
}

/* Append this rank's rows of a source to the sets, which already hold `rows` rows and have offsets for all.
 * Collective. */
static void read_rows(struct inputs *in, struct source *s, struct comm *c, uint64_t rows, struct error *e) {
    struct records *sets = &in->records;
    uint64_t first, n = my_rows(in, s, &first), *offset = sets->offset + rows, bad = UINT64_MAX;
    uint64_t *length = mem_alloc(n, sizeof *length);
    source_lengths(s, first, n, length, e);
    for (uint64_t k = 0; k < n && !e->status; k++)
        offset[k + 1] = offset[k] + length[k];
    free(length);
    uint64_t items = e->status ? 0 : offset[n] - offset[0];
    uint64_t first_item = comm_sum_before(c, items);
    if (comm_failed(c, e))
        return;
    sets->data = mem_grow(sets->data, offset[n], sets->item);
    read_elements(s, first_item, items, sets->item, (char *)sets->data + offset[0] * sets->item, &bad, e);
    if (bad != UINT64_MAX) {
        uint64_t row = 0;
        while (offset[row + 1] - offset[0] <= bad - first_item)
            row++;
        error_set(e, EX_DATAERR, "%s: %s: row %llu holds a negative element (elements must be 0 or more)",
                  s->input->file, s->input->object, (unsigned long long)(first + row));
    }
    comm_failed(c, e);
}

static void read_sets(struct inputs *in, struct source *s, struct comm *c, struct error *e) {
    struct records *sets = &in->records;
    uint64_t ignored;
    sets->offset = mem_zero(sets->n + 1, sizeof *sets->offset);
    read_rows(in, &s[0], c, 0, e);
    if (in->n == 2 && !e->status)
        read_rows(in, &s[1], c, my_rows(in, &s[0], &ignored), e);
}

/* Larger coordinates could make a projection overflow. */
static const double most_norm = 1e30;

/* What is wrong with a vector, or NULL. */
static const char *fault(const struct records *r, uint64_t row, bool refuses_zero) {
    const void *x = records_row(r, row);
    double squares = 0, coordinate;
    for (uint64_t k = 0; k < r->width; k++) {
        coordinate = r->item == sizeof(float) ? (double)((const float *)x)[k] : ((const double *)x)[k];
        if (!isfinite(coordinate))
            return "holds a number that is not finite";
        squares += coordinate * coordinate;
    }
    if (squares > most_norm * most_norm)
        return "is longer than 1e30";
    if (refuses_zero && squares < 1e-60) /* below it, squares of single precision vanish too */
        return "is zero: it has no direction, and no cosine";
    return NULL;
}

/* Bad rows are an error, or, where they are to be left out, become NaN, which pairs with nothing. */
static void check_vectors(struct inputs *in, const struct source *s, const struct options *o,
                          struct error *e) {
    struct records *r = &in->records;
    enum simd simd = cpu_simd();
    for (uint64_t row = 0; row < r->n && !e->status; row++) {
        const char *wrong = fault(r, row, in->family->refuses_zero);
        uint64_t global = in->shard.start[in->shard.rank] + row;
        const struct source *of = &s[in->n == 2 && global >= s[1].base];
        if (wrong && !o->skip_bad_rows)
            error_set(e, EX_DATAERR, "%s: %s: row %llu %s (--skip-bad-rows leaves such rows out)",
                      of->input->file, of->input->object, (unsigned long long)(global - of->base), wrong);
        else if (wrong && r->item == sizeof(float))
            *((float *)r->data + row * r->width) = NAN;
        else if (wrong)
            *((double *)r->data + row * r->width) = NAN;
        in->skipped += wrong != NULL;
        if (!wrong) {
            const void *x = records_row(r, row);
            double norm = sqrt(vector_moments(x, x, r->width, r->item, simd).xx);
            in->largest_norm = norm > in->largest_norm ? norm : in->largest_norm;
        }
    }
}

static void read_vectors(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                         struct error *e) {
    struct records *r = &in->records;
    r->width = s[0].h5.columns;
    r->data = mem_alloc(records_items(r), r->item);
    char *next = r->data;
    for (int i = 0; i < in->n && !e->status; i++) {
        uint64_t first, n = my_rows(in, &s[i], &first), items = n * r->width, bad;
        float *narrow = s[i].h5.width == r->item ? NULL : mem_alloc(items, sizeof *narrow);
        read_h5(&s[i], first * r->width, items, narrow ? (void *)narrow : (void *)next, &bad, e);
        for (uint64_t k = 0; narrow && k < items; k++)
            ((double *)next)[k] = narrow[k];
        free(narrow);
        next += items * r->item;
    }
    if (!e->status)
        check_vectors(in, s, o, e);
    if (!comm_failed(c, e))
        comm_max_double(c, &in->largest_norm, 1);
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
    in->records = (struct records){.n = n, .item = sizeof(uint32_t)};
    for (int i = 0; i < in->n; i++)
        if (!s[i].is_text && s[i].h5.width > in->records.item)
            in->records.item = s[i].h5.width;
    if (in->family->is_of_vectors) {
        read_vectors(in, s, c, o, e);
        return e->status;
    }
    read_sets(in, s, c, e);
    if (e->status)
        return e->status;
    if (in->records.item == sizeof(uint64_t)) {
        uint64_t largest = records_max_element(&in->records);
        comm_max(c, &largest, 1);
        if (largest <= UINT32_MAX)
            records_narrow(&in->records);
    }
    records_sort_sets(&in->records, pool);
    return 0;
}

int inputs_read(struct inputs *in, struct comm *c, struct pool *pool, const struct options *o,
                struct metrics *m, struct error *e) {
    struct source s[2] = {{.metrics = m}, {.metrics = m}};
    *in = (struct inputs){0};
    metrics_phase(m, "read", "elements");
    if (!sources_open(in, s, c, o, e) && !share_out(in, s, c, e))
        read_records(in, s, c, pool, o, e);
    sources_close(s);
    return e->status;
}

void inputs_free(struct inputs *in) {
    records_free(&in->records);
    free(in->shard.start);
    *in = (struct inputs){0};
}
