#include "ids.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "h5_read.h"
#include "h5_strings.h"
#include "index.h"
#include "text_write.h"
#include "visit.h"

enum { MOST_PAIRS = 1 << 16, PLACE_BYTES = 64 /* of one of them, beside its ids */ };

/* The group beside an object: /sets has /ids, /one/sets has /one/ids. */
static void group_beside(const char *object, char group[H5_PATH + 8]) {
    const char *slash = strrchr(object, '/');
    snprintf(group, H5_PATH + 8, "%.*s/ids", slash ? (int)(slash - object) : 0, object);
}

/* Append ids [first, first+n) to our own, of which there are `rows`. */
static int append(struct records *own, uint64_t rows, const struct h5_strings *s, uint64_t first, uint64_t n,
                  struct error *e) {
    uint64_t *offset = own->offset + rows, at = *offset;
    if (n == 0 || h5_list_read(&s->indptr, first, n + 1, sizeof *offset, offset, e))
        return e->status;
    uint64_t begin = *offset, last = begin;
    for (uint64_t i = 0; i <= n; i++) {
        if (offset[i] < last || offset[i] > s->bytes.length)
            return error_set(e, EX_DATAERR, "%s: %s: does not rise to the end of bytes at id %" PRIu64,
                             s->indptr.file, s->indptr.path, first + i);
        if (offset[i] - last > UINT32_MAX)
            return error_set(e, EX_DATAERR, "%s: %s: id %" PRIu64 " is longer than 4 GB", s->indptr.file,
                             s->indptr.path, first + i - 1);
        last = offset[i];
        offset[i] = at + (last - begin);
    }
    own->data = mem_grow(own->data, max_u64(1, offset[n]), 1);
    return h5_list_read(&s->bytes, begin, last - begin, 1, (char *)own->data + at, e);
}

/* Append the ids of those rows of an input, which begin at `base`, that this rank holds. */
static int read_input(struct ids *ids, const struct input *in, uint64_t base, struct error *e) {
    const struct shard *s = ids->shard;
    uint64_t lo = max_u64(s->start[s->rank], base), hi = min_u64(s->start[s->rank + 1], base + in->rows);
    char group[H5_PATH + 8];
    int64_t file = 0;
    struct h5_strings strings = {0};
    group_beside(in->object, group);
    if (strcmp(in->kind, "text") == 0)
        return error_set(e, EX_DATAERR, "%s: has no ids: only HDF5 has (see lshpack --ids)",
                         strcmp(in->file, "-") == 0 ? "standard input" : in->file);
    if (!h5_file_open(&file, in->file, e)) {
        if (!h5_exists(file, group))
            error_set(e, EX_DATAERR, "%s: has no ids: there is no %s (see lshpack --ids)", in->file, group);
        else if (!h5_strings_open(&strings, file, in->file, group, e) && strings.n != in->rows)
            error_set(e, EX_DATAERR, "%s: %s: %" PRIu64 " ids of %" PRIu64 " records", in->file, group,
                      strings.n, in->rows);
        if (!e->status && lo < hi)
            append(&ids->own, lo - s->start[s->rank], &strings, lo - base, hi - lo, e);
    }
    h5_strings_close(&strings);
    h5_file_close(&file);
    return e->status;
}

static void read_old(struct ids *ids, const struct indexes *x, uint64_t first_old, struct error *e) {
    for (int i = 0; i < x->n && !e->status; i++)
        read_input(ids, &x->of[i].data, first_old + x->of[i].base, e);
}

/* Where old records are held by no rank, the ids of all are shared out evenly. */
static void share_out(struct ids *ids, const struct shard *of) {
    uint64_t ranks = (uint64_t)of->ranks;
    ids->shard = of;
    if (shard_held(of) == of->rows)
        return;
    ids->even = *of;
    ids->even.start = mem_alloc(ranks + 1, sizeof *ids->even.start);
    for (uint64_t r = 0; r <= ranks; r++)
        ids->even.start[r] = of->rows / ranks * r + min_u64(r, of->rows % ranks);
    ids->shard = &ids->even;
}

int ids_read(struct ids *ids, struct comm *c, struct pool *pool, const struct inputs *in, uint64_t most,
             struct error *e) {
    *ids = (struct ids){.comm = c, .pool = pool, .most = most};
    share_out(ids, &in->shard);
    uint64_t n = shard_local_rows(ids->shard), longest = 0, first_old = shard_first_old(&in->shard);
    ids->own = (struct records){.n = n, .item = 1, .offset = mem_zero(n + 1, sizeof *ids->own.offset)};
    if (in->old && first_old == 0)
        read_old(ids, in->old, first_old, e);
    for (int i = 0; i < in->n && !e->status; i++)
        read_input(ids, &in->of[i], i == 0 ? in->shard.start[0] : in->of[0].rows, e);
    if (in->old && first_old > 0)
        read_old(ids, in->old, first_old, e);
    if (comm_failed(c, e))
        return e->status;
    for (uint64_t row = 0; row < n; row++)
        longest = max_u64(longest, records_length(&ids->own, row));
    comm_max(c, &longest, 1);
    ids->at_once = max_u64(1, min_u64(MOST_PAIRS, most / 2 / (longest + PLACE_BYTES)));
    return 0;
}

void ids_free(struct ids *ids) {
    records_free(&ids->own);
    free(ids->even.start);
}

/* The ids of some pairs: number 2i is the left one of pair i, 2i+1 the right one. */
struct named {
    uint64_t *at, *length; /* in bytes */
    char *bytes;
    uint64_t held, capacity;
};

static void take(void *ctx, uint64_t k, const void *id, uint64_t length) {
    struct named *s = ctx;
    if (s->held + length > s->capacity) {
        s->capacity = 2 * (s->held + length);
        s->bytes = mem_grow(s->bytes, s->capacity, 1);
    }
    if (length > 0)
        memcpy(s->bytes + s->held, id, length);
    s->at[k] = s->held;
    s->length[k] = length;
    s->held += length;
}

/* Collective. */
static void write_some(const struct ids *ids, FILE *f, const struct pair *pairs, uint64_t n,
                       const struct pair_columns *columns) {
    struct named s = {.at = mem_alloc(2 * n, sizeof *s.at), .length = mem_alloc(2 * n, sizeof *s.length)};
    uint64_t *rows = mem_alloc(2 * n, sizeof *rows);
    for (uint64_t i = 0; i < n; i++) {
        rows[2 * i] = pair_left_row(&pairs[i], columns, ids->shard);
        rows[2 * i + 1] = pair_right_row(&pairs[i], columns, ids->shard);
    }
    visit_rows(ids->comm, ids->pool, ids->shard, &ids->own, rows, 2 * n, ids->most, take, &s);
    for (uint64_t i = 0; i < n; i++) {
        text_write_id(f, s.bytes + s.at[2 * i], s.length[2 * i]);
        putc('\t', f);
        text_write_id(f, s.bytes + s.at[2 * i + 1], s.length[2 * i + 1]);
        text_write_value(f, &pairs[i], columns);
    }
    free(rows);
    free(s.bytes);
    free(s.length);
    free(s.at);
}

void ids_write(const struct ids *ids, FILE *f, const struct pair *pairs, uint64_t n,
               const struct pair_columns *columns) {
    for (uint64_t at = 0, some, more = n; comm_max(ids->comm, &more, 1), more > 0;
         at += some, more = n - at) {
        some = min_u64(ids->at_once, n - at);
        write_some(ids, f, pairs + at, some, columns);
    }
}
