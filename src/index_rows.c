#include "index_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "input_source.h"
#include "lshjoin/weighted.h"

struct index_rows {
    const struct indexes *x;
    struct pool *pool;
    size_t item; /* of what is wanted */
    uint64_t width;
    struct source *source; /* [indexes]; without an input until opened */
    struct input *input;   /* [indexes] */
    uint64_t *flat;        /* [rows + 1] of the flat sets that were asked for last: where each begins */
    const struct index *flat_of;
    struct records portion;
};

struct index_rows *index_rows_create(const struct indexes *x, const struct records *like, struct pool *pool) {
    struct index_rows *r = mem_zero(1, sizeof *r);
    r->x = x;
    r->pool = pool;
    r->item = like->item;
    r->width = like->offset ? 0 : like->width;
    r->source = mem_zero((uint64_t)x->n, sizeof *r->source);
    r->input = mem_alloc((uint64_t)x->n, sizeof *r->input);
    return r;
}

void index_rows_free(struct index_rows *r) {
    for (int i = 0; r && i < r->x->n; i++)
        h5_records_close(&r->source[i].h5);
    if (r) {
        records_free(&r->portion);
        free(r->flat);
        free(r->source);
        free(r->input);
    }
    free(r);
}

static int say_changed(const struct index *x, struct error *e) {
    return error_set(e, EX_DATAERR,
                     "%s: %s: is not what it was when %s was made: make the index again with --save-index",
                     x->data.file, x->data.object, x->file);
}

/* The file of an index, open. NULL where *e is filled. */
static struct source *source_of(struct index_rows *r, const struct index *x, struct error *e) {
    struct source *s = &r->source[x - r->x->of];
    enum h5_content wanted = r->x->family->is_of_vectors ? H5_VECTORS
                             : r->x->family->is_weighted ? H5_WEIGHTED
                                                         : H5_SETS;
    struct stat info;
    if (s->input)
        return s;
    if (stat(x->data.file, &info) != 0) {
        error_set(e, EX_NOINPUT, "%s: cannot be read, and %s is of its records: %s", x->data.file, x->file,
                  strerror(errno));
        return NULL;
    }
    if (h5_records_open(&s->h5, x->data.file, x->data.object, wanted, e))
        return NULL;
    if (s->h5.rows != x->data.rows || s->h5.elements != x->data.elements ||
        (uint64_t)info.st_size != x->data_bytes || s->h5.columns != r->x->columns) {
        say_changed(x, e);
        return NULL;
    }
    r->input[x - r->x->of] = x->data;
    s->input = &r->input[x - r->x->of];
    return s;
}

/* Where all flat sets begin: no row tells it alone. */
static int find_flat(struct index_rows *r, struct source *s, const struct index *x, struct error *e) {
    if (r->flat_of == x)
        return 0;
    r->flat = mem_grow(r->flat, x->data.rows + 1, sizeof *r->flat);
    r->flat[0] = 0;
    r->flat_of = NULL;
    if (source_lengths(s, 0, x->data.rows, r->flat + 1, e))
        return e->status;
    for (uint64_t row = 0; row < x->data.rows; row++)
        r->flat[row + 1] += r->flat[row];
    r->flat_of = x;
    return 0;
}

/* Where a row begins in the file's flat list, and how many items it has there. */
static int place_row(struct index_rows *r, struct source *s, const struct index *x, uint64_t row,
                     uint64_t *begin, uint64_t *length, struct error *e) {
    if (strcmp(x->data.kind, "flat") != 0)
        return source_place(s, row, begin, length, e);
    if (!find_flat(r, s, x, e)) {
        *begin = r->flat[row];
        *length = r->flat[row + 1] - r->flat[row];
    }
    return e->status;
}

/* Sets of elements that all fit 32 bits become those of 8 bytes. */
static void widen(struct records *p) {
    uint64_t n = records_items(p), *wide = mem_alloc(n, sizeof *wide);
    for (uint64_t i = 0; i < n; i++)
        wide[i] = ((const uint32_t *)p->data)[i];
    free(p->data);
    p->data = wide;
    p->item = sizeof *wide;
}

/* The portion of one index, read as it is in the file, becomes what its run had made of it, which its hash
 * tells; then what is wanted. */
static int settle(struct index_rows *r, const struct index *x, const uint64_t *rows, struct error *e) {
    struct records *p = &r->portion;
    struct row_hash *hash = mem_alloc(p->n, sizeof *hash);
    const struct family *f = r->x->family;
    if (!f->is_of_vectors && !f->is_weighted && x->item < p->item) {
        if (records_max_element(p, p->item) <= UINT32_MAX)
            records_narrow(p);
        else
            say_changed(x, e);
    }
    if (f->is_of_vectors)
        records_hash(p, r->pool, hash);
    else if (f->is_weighted)
        weighted_sort(p, r->pool, hash);
    else
        records_sort_sets(p, r->pool, hash);
    for (uint64_t k = 0; k < p->n && !e->status; k++) {
        const struct row_hash *was = h5_sealed_at(&x->hash, rows[k] - x->base, 1);
        if (!was)
            error_set(e, EX_DATAERR, "%s: /hash: is damaged: a checksum is wrong", x->file);
        else if (hash[k].high != was->high || hash[k].low != was->low)
            error_set(e, EX_DATAERR,
                      "%s: %s: row %" PRIu64
                      " is not what it was when %s was made: make the index again with --save-index",
                      x->data.file, x->data.object, rows[k] - x->base, x->file);
    }
    free(hash);
    if (e->status || p->item == r->item)
        return e->status;
    if (f->is_weighted)
        weighted_make_narrow(p);
    else
        widen(p);
    return 0;
}

/* Bytes of an item as the file's rows are read. */
static size_t width_of(const struct index_rows *r, const struct source *s) {
    return r->x->family->is_weighted     ? sizeof(struct weighted_wide)
           : r->x->family->is_of_vectors ? r->item
                                         : s->h5.width;
}

const struct records *index_rows_read(struct index_rows *r, const uint64_t *rows, uint64_t n, uint64_t most,
                                      struct error *e) {
    const struct index *x = indexes_find(r->x, rows[0]);
    struct source *s = source_of(r, x, e);
    struct records *p = &r->portion;
    records_free(p);
    if (!s)
        return NULL;
    *p = (struct records){.item = width_of(r, s), .width = r->width};
    uint64_t *begin = mem_alloc(n, sizeof *begin), *offset = mem_alloc(n + 1, sizeof *offset), bad;
    offset[0] = 0;
    for (; p->n < n && rows[p->n] - x->base < x->data.rows && !e->status; p->n++) {
        uint64_t length = 0;
        place_row(r, s, x, rows[p->n] - x->base, &begin[p->n], &length, e);
        offset[p->n + 1] = offset[p->n] + length;
        if (p->n > 0 && offset[p->n + 1] * p->item > most)
            break;
    }
    if (!e->status)
        p->data = mem_alloc(offset[p->n], p->item);
    for (uint64_t k = 0; k < p->n && !e->status; k++) {
        source_items(s, begin[k], offset[k + 1] - offset[k], p->item, (char *)p->data + offset[k] * p->item,
                     &bad, e);
        if (bad != UINT64_MAX)
            say_changed(x, e);
    }
    free(begin);
    if (r->width)
        free(offset);
    else
        p->offset = offset;
    if (!e->status)
        settle(r, x, rows, e);
    return e->status ? NULL : p;
}
