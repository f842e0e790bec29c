/* Reads all that any of our programs reads of an HDF5 file. */
#ifndef H5_ALL_H
#define H5_ALL_H

#include "fuzz.h"

#include "h5_base.h"
#include "h5_info.h"
#include "h5_pairs.h"
#include "h5_read.h"
#include "h5_strings.h"
#include "texts.h"

static inline void note(void *ctx, const char *a, const char *b) {
    *(volatile size_t *)ctx += strlen(a) + strlen(b);
}

static inline void read_layouts(const struct h5_records *s, const char *file) {
    struct error e = {0};
    struct h5_layout layout;
    size_t sum = 0;
    struct h5_parts parts = h5_parts_of(s->object, s->columns ? "flat" : s->kind);
    if (s->columns)
        h5_layout_read(&layout, s->file_id, file, s->object, &e);
    else if (!h5_layout_read(&layout, s->file_id, file, parts.offsets, &e))
        h5_layout_read(&layout, s->file_id, file, parts.elements, &e);
    h5_attributes_each(s->file_id, s->object, note, &sum);
    h5_attributes_each(s->file_id, "/", note, &sum);
}

/* The first rows, with room for exactly what they are said to hold. */
static inline void read_rows(struct h5_records *s) {
    struct error e = {0};
    uint64_t n = min_u64(s->rows, 1000), bad, items = 0, begin = 0, of_last = 0;
    uint64_t *length = mem_alloc(n, sizeof *length);
    if (!h5_records_lengths(s, 0, n, length, &e)) {
        for (uint64_t i = 0; i < n && items + length[i] <= 100000; i++)
            items += length[i];
        void *out = mem_alloc(items, s->width);
        h5_records_elements(s, 0, items, out, &bad, &e);
        free(out);
    }
    free(length);
    if (s->rows > 0 && strcmp(s->kind, "flat") != 0)
        h5_records_place(s, s->rows - 1, &begin, &of_last, &e);
}

static inline void read_records(const char *file, const char *object, enum h5_content wanted) {
    struct error e = {0};
    struct h5_records s;
    if (h5_records_open(&s, file, object, wanted, &e))
        return;
    read_layouts(&s, file);
    read_rows(&s);
    h5_records_close(&s);
}

static inline void read_strings(int64_t id, const char *file, const char *group) {
    struct error e = {0};
    struct h5_strings strings;
    uint64_t length;
    if (!h5_strings_open(&strings, id, file, group, &e))
        for (uint64_t i = 0; i < strings.n && i < 100 && !e.status; i++)
            free(h5_strings_read(&strings, i, 1000, &length, &e));
    h5_strings_close(&strings);
}

static inline void read_others(const char *file) {
    struct error e = {0};
    struct texts texts = {0};
    int64_t id;
    size_t sum = 0;
    if (h5_file_open(&id, file, &e))
        return;
    h5_find_all(id, file, note, &sum, &e);
    read_strings(id, file, "/ids");
    e.status = 0;
    texts_open(&texts, id, file, 3, &e);
    texts_close(&texts);
    h5_file_close(&id);
}

static inline void read_pairs(const char *file) {
    struct error e = {0};
    struct h5_pairs_file p;
    struct pair some[64];
    if (!h5_pairs_file_open(&p, file, &e))
        for (uint64_t at = 0; at < p.n && at < 6400 && !e.status; at += 64)
            h5_pairs_file_read(&p, at, min_u64(64, p.n - at), some, &e);
    h5_pairs_file_close(&p);
}

/* To open a file takes HDF5 longest: one way of reading it at a time. */
static inline void read_one_way(const char *file, unsigned way) {
    switch (way % 6) {
    case 0:
        read_records(file, NULL, H5_SETS);
        break;
    case 1:
        read_records(file, NULL, H5_VECTORS);
        break;
    case 2:
        read_records(file, "/sets", H5_EITHER);
        break;
    case 3:
        read_records(file, "train", H5_EITHER);
        break;
    case 4:
        read_others(file);
        break;
    case 5:
        read_pairs(file);
    }
}

#endif
