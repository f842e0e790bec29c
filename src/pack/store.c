#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "h5_create.h"

/* How a column becomes a dataset. */
enum how { AS_IT_IS, NARROWED, SUMMED };

/* A dataset out of a column, or, where that is NULL, out of memory. */
struct view {
    const struct columns *columns;
    enum column_name name;
    enum how how;
    uint64_t sum, rows; /* SUMMED: of the lengths before, and how many lengths there are */
    const char *memory;
    uint64_t item; /* bytes in the file */
};

/* Elements of 8 bytes, which fit 4. */
static int fill_narrowed(const struct view *v, uint64_t at, uint64_t n, uint32_t *out, struct error *e) {
    enum { BLOCK = 8192 };
    uint64_t wide[BLOCK];
    for (uint64_t done = 0; done < n && !e->status;) {
        uint64_t m = min_u64(BLOCK, n - done);
        column_read(v->columns, v->name, (at + done) * sizeof *wide, m * sizeof *wide, wide, e);
        for (uint64_t i = 0; i < m && !e->status; i++)
            out[done++] = (uint32_t)wide[i];
    }
    return e->status;
}

/* Where rows begin, out of their lengths; the last rank has one more, where all end. Asked for in order. */
static int fill_summed(struct view *v, uint64_t at, uint64_t n, uint64_t *out, struct error *e) {
    uint64_t lengths = min_u64(n, v->rows - at);
    if (lengths > 0)
        column_read(v->columns, v->name, at * sizeof *out, lengths * sizeof *out, out, e);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t length = i < lengths ? out[i] : 0;
        out[i] = v->sum;
        v->sum += length;
    }
    return e->status;
}

static int fill(void *ctx, uint64_t at, uint64_t n, void *out, struct error *e) {
    struct view *v = ctx;
    if (v->memory) {
        memcpy(out, v->memory + at * v->item, n * v->item);
        return 0;
    }
    if (v->how == NARROWED)
        return fill_narrowed(v, at, n, out, e);
    if (v->how == SUMMED)
        return fill_summed(v, at, n, out, e);
    return column_read(v->columns, v->name, at * v->item, n * v->item, out, e);
}

/* What all datasets need. */
struct store {
    struct comm *c;
    const struct settings *s;
    const struct columns *columns;
    struct h5_new *file;
    struct error *e;
};

/* A dataset of the view; of `part` its name and shape are given, and the n of this rank. */
static int write_view(struct store *st, struct view v, struct h5_part part) {
    part.rows = part.n;
    part.first = comm_sum_before(st->c, part.n);
    part.gzip = st->s->gzip;
    part.memory = st->s->memory / 4;
    part.fill = fill;
    part.ctx = &v;
    v.item = (part.rank == 2 ? part.width : 1) * h5_type_bytes(part.type);
    comm_sum(st->c, &part.rows, 1);
    return h5_new_dataset(st->file, &part, st->e);
}

static int write_list(struct store *st, struct view v, const char *path, enum h5_type type, uint64_t n) {
    return write_view(st, v, (struct h5_part){.path = path, .type = type, .rank = 1, .n = n});
}

static int write_column(struct store *st, enum column_name name, const char *path, enum h5_type type,
                        uint64_t n) {
    struct view v = {.columns = st->columns, .name = name};
    return write_list(st, v, path, type, n);
}

/* Lengths as where they begin; `sum` is of this rank's. */
static int write_begins(struct store *st, enum column_name lengths, const char *path, enum h5_type type,
                        uint64_t rows, uint64_t sum) {
    bool is_last = comm_rank(st->c) == comm_size(st->c) - 1;
    struct view v = {.columns = st->columns,
                     .name = lengths,
                     .how = SUMMED,
                     .sum = comm_sum_before(st->c, sum),
                     .rows = rows};
    return write_list(st, v, path, type, rows + is_last);
}

static int write_sets(struct store *st, const struct harvest *h) {
    uint64_t largest = h->largest;
    comm_max(st->c, &largest, 1);
    unsigned bears = st->s->form->bears;
    bool is_known = bears & (GIVEN_TEXT | GIVEN_KMERS);
    bool fits = bears & GIVEN_TEXT ? st->s->hash_bits == 32 : st->s->kmers <= 16;
    bool narrow = is_known ? fits : largest <= UINT32_MAX;
    struct view v = {.columns = st->columns, .name = COLUMN_ITEMS, .how = narrow ? NARROWED : AS_IT_IS};
    if (write_begins(st, COLUMN_LENGTHS, "/sets/indptr", H5_INT64, h->rows, h->items) ||
        write_list(st, v, "/sets/indices", narrow ? H5_UINT32 : H5_UINT64, h->items))
        return st->e->status;
    if (st->s->weights)
        write_column(st, COLUMN_WEIGHTS, "/sets/data", H5_FLOAT32, h->items);
    return st->e->status;
}

static int write_vectors(struct store *st, const struct harvest *h) {
    static const enum h5_type types[] = {
        [NUMBER_NONE] = H5_FLOAT32, [NUMBER_F16] = H5_FLOAT16, [NUMBER_F32] = H5_FLOAT32,
        [NUMBER_F64] = H5_FLOAT64,  [NUMBER_I8] = H5_INT8,     [NUMBER_U8] = H5_UINT8};
    struct view v = {.columns = st->columns, .name = COLUMN_ITEMS};
    struct h5_part part = {
        .path = "/vectors", .type = types[h->type], .rank = 2, .width = h->width, .n = h->rows};
    return write_view(st, v, part);
}

static int write_source(struct store *st, const struct harvest *h) {
    const struct corpus *in = h->in;
    struct buffer names = {0};
    bool writes = comm_rank(st->c) == 0;
    for (uint64_t i = 0; i < in->n && writes; i++)
        buffer_append(&names, in->file[i].name, strlen(in->file[i].name));
    buffer_room(&names, 1);
    struct view begins = {.memory = (const char *)in->name_at}, bytes = {.memory = names.data};
    if (!write_column(st, COLUMN_FILE, "/source/file", H5_UINT32, h->rows) &&
        !write_column(st, COLUMN_OFFSET, "/source/offset", H5_UINT64, h->rows) &&
        !write_column(st, COLUMN_LENGTH, "/source/length", H5_UINT64, h->rows) &&
        !write_list(st, begins, "/source/names/indptr", H5_UINT64, writes ? in->n + 1 : 0))
        write_list(st, bytes, "/source/names/bytes", H5_UINT8, names.bytes);
    buffer_free(&names);
    return st->e->status;
}

static int write_attributes(struct store *st, const struct totals *t) {
    const struct settings *s = st->s;
    const struct shingling *how = &s->shingling;
    const bool is_text = s->form->bears & GIVEN_TEXT, is_genome = s->form->bears & GIVEN_KMERS;
    const struct {
        bool is_there;
        const char *name, *text; /* NULL: a number */
        uint64_t number;
    } attributes[] = {{true, "lshpack", LSHJOIN_VERSION, 0},
                      {true, "from", s->form->name, 0},
                      {is_text, "shingle", how->words ? "words" : "chars", 0},
                      {is_text, "n", NULL, how->n},
                      {is_text, "lower_case", NULL, !how->keep_case},
                      {is_text, "fold_space", NULL, !how->keep_space},
                      {is_text, "fold_punctuation", NULL, !how->keep_punctuation},
                      {is_text, "hash", "XXH3_64bits", 0},
                      {is_text, "hash_bits", NULL, s->hash_bits},
                      {is_genome, "k", NULL, s->kmers},
                      {true, "rows", NULL, t->rows},
                      {true, "skipped", NULL, t->bad},
                      {true, "invalid_utf8", NULL, t->invalid}};
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes && !st->e->status; i++) {
        if (attributes[i].is_there && attributes[i].text)
            h5_new_text(st->file, attributes[i].name, attributes[i].text, st->e);
        else if (attributes[i].is_there)
            h5_new_number(st->file, attributes[i].name, attributes[i].number, st->e);
    }
    return st->e->status;
}

struct totals store_totals(struct comm *c, const struct harvest *h) {
    uint64_t sums[] = {h->rows, h->items, h->bad, h->invalid, h->bytes};
    comm_sum(c, sums, sizeof sums / sizeof *sums);
    return (struct totals){sums[0], sums[1], sums[2], sums[3], sums[4]};
}

int store_write(struct comm *c, const struct harvest *h, const struct totals *t, const char *name,
                struct error *e) {
    const struct settings *s = h->s;
    struct store st = {c, s, &h->columns, h5_new_create(c, name, e), e};
    if (!st.file)
        return e->status;
    if (!write_attributes(&st, t))
        s->form->vectors ? write_vectors(&st, h) : write_sets(&st, h);
    if (s->ids && !e->status &&
        !write_begins(&st, COLUMN_ID_LENGTHS, "/ids/indptr", H5_UINT64, h->rows, h->id_bytes))
        write_column(&st, COLUMN_IDS, "/ids/bytes", H5_UINT8, h->id_bytes);
    if (s->source && !e->status)
        write_source(&st, h);
    return h5_new_close(st.file, e);
}
