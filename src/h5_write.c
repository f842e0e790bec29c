#include "h5_write.h"

#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "h5_base.h"

/* Pairs in a chunk of a dataset, which are held back to be written in one go. */
enum { CHUNK = 1 << 16, COLUMNS = 4 };

struct column {
    const char *name;
    hid_t file_type, memory_type;
    size_t size;
    const void *fill; /* a value that no pair has */
};

struct h5_pairs {
    char *name;
    int columns;
    struct column column[COLUMNS];
    hid_t file, dataset[COLUMNS]; /* 0: not open */
    void *buffer[COLUMNS];        /* [CHUNK] */
    uint64_t buffered, written;
};

static bool is_whole(const char *value) {
    return strcmp(value, "bands") == 0 || strcmp(value, "input") == 0;
}

/* Returns how many there are. */
static int columns_of(const struct pair_columns *given, struct column column[COLUMNS]) {
    static const uint64_t no_row = UINT64_MAX;
    static const uint16_t no_number = UINT16_MAX;
    static const float no_value = NAN;
    static const uint32_t no_rank = UINT32_MAX;
    int n = 0;
    column[n++] = (struct column){given->left, H5T_STD_U64LE, H5T_NATIVE_UINT64, sizeof no_row, &no_row};
    column[n++] = (struct column){given->right, H5T_STD_U64LE, H5T_NATIVE_UINT64, sizeof no_row, &no_row};
    if (given->value && is_whole(given->value))
        column[n++] =
            (struct column){given->value, H5T_STD_U16LE, H5T_NATIVE_UINT16, sizeof no_number, &no_number};
    else if (given->value)
        column[n++] =
            (struct column){given->value, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, sizeof no_value, &no_value};
    if (given->ranked)
        column[n++] = (struct column){"rank", H5T_STD_U32LE, H5T_NATIVE_UINT32, sizeof no_rank, &no_rank};
    return n;
}

/* How datasets of this column are made. No times in it: equal pairs give equal files. */
static hid_t column_plist(const struct column *c) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(plist, false);
    H5Pset_fill_value(plist, c->memory_type, c->fill);
    return plist;
}

static hid_t create_file(const char *name, struct error *e) {
    h5_start();
    hid_t file = H5Fcreate(name, H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
    if (file < 0)
        h5_fail(e, EX_CANTCREAT, name, "cannot be created");
    return file;
}

static void release(struct h5_pairs *p) {
    for (int i = 0; i < COLUMNS; i++)
        free(p->buffer[i]);
    free(p->name);
    free(p);
}

struct h5_pairs *h5_pairs_create(const char *file, const struct pair_columns *columns, struct error *e) {
    hid_t id = create_file(file, e);
    if (id < 0)
        return NULL;
    struct h5_pairs *p = mem_zero(1, sizeof *p);
    p->name = mem_alloc(strlen(file) + 1, 1);
    strcpy(p->name, file);
    p->file = id;
    p->columns = columns_of(columns, p->column);
    for (int i = 0; i < COLUMNS; i++)
        p->buffer[i] = mem_alloc(CHUNK, p->column[i].size);
    return p;
}

/* When the first pairs are written, so that the chunk of a file with few of them is no larger than need be.
 */
static int create_datasets(struct h5_pairs *p, struct error *e) {
    hsize_t none = 0, unlimited = H5S_UNLIMITED, chunk = p->buffered ? min_u64(p->buffered, CHUNK) : CHUNK;
    hid_t space = H5Screate_simple(1, &none, &unlimited), access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, 0, 0, 0); /* chunks are written whole */
    for (int i = 0; i < p->columns && !e->status; i++) {
        const struct column *c = &p->column[i];
        hid_t plist = column_plist(c);
        H5Pset_chunk(plist, 1, &chunk);
        hid_t id = H5Dcreate2(p->file, c->name, c->file_type, space, H5P_DEFAULT, plist, access);
        if (id < 0)
            h5_fail(e, EX_IOERR, p->name, "/%s: cannot be created", c->name);
        else
            p->dataset[i] = id;
        H5Pclose(plist);
    }
    H5Pclose(access);
    H5Sclose(space);
    return e->status;
}

static int append_column(struct h5_pairs *p, int i, struct error *e) {
    hsize_t start = p->written, count = p->buffered, end = start + count;
    hid_t id = p->dataset[i], from = H5Screate_simple(1, &count, NULL), to = -1;
    if (H5Dset_extent(id, &end) < 0 || (to = H5Dget_space(id)) < 0 ||
        H5Sselect_hyperslab(to, H5S_SELECT_SET, &start, NULL, &count, NULL) < 0 ||
        H5Dwrite(id, p->column[i].memory_type, from, to, H5P_DEFAULT, p->buffer[i]) < 0)
        h5_fail(e, EX_IOERR, p->name, "/%s: cannot be written", p->column[i].name);
    if (to >= 0)
        H5Sclose(to);
    H5Sclose(from);
    return e->status;
}

static int flush(struct h5_pairs *p, struct error *e) {
    if (!p->dataset[0] && create_datasets(p, e))
        return e->status;
    for (int i = 0; i < p->columns && p->buffered; i++)
        if (append_column(p, i, e))
            return e->status;
    p->written += p->buffered;
    p->buffered = 0;
    return 0;
}

static void buffer_pairs(struct h5_pairs *p, const struct pair *pairs, uint64_t n) {
    uint64_t *left = p->buffer[0], *right = p->buffer[1], at = p->buffered;
    for (uint64_t k = 0; k < n; k++) {
        left[at + k] = pairs[k].left;
        right[at + k] = pairs[k].right;
    }
    uint16_t *whole = p->buffer[2];
    float *values = p->buffer[2];
    for (uint64_t k = 0; p->columns > 2 && k < n; k++)
        if (p->column[2].size == sizeof *whole)
            whole[at + k] = (uint16_t)pairs[k].value;
        else
            values[at + k] = (float)pairs[k].value;
    uint32_t *ranks = p->buffer[3];
    for (uint64_t k = 0; p->columns > 3 && k < n; k++)
        ranks[at + k] = (uint32_t)pairs[k].rank;
    p->buffered += n;
}

int h5_pairs_write(struct h5_pairs *p, const struct pair *pairs, uint64_t n, struct error *e) {
    while (n > 0 && !e->status) {
        uint64_t some = min_u64(n, CHUNK - p->buffered);
        buffer_pairs(p, pairs, some);
        pairs += some;
        n -= some;
        if (p->buffered == CHUNK)
            flush(p, e);
    }
    return e->status;
}

int h5_pairs_close(struct h5_pairs *p, struct error *e) {
    if (!e->status)
        flush(p, e);
    for (int i = 0; i < COLUMNS; i++)
        if (p->dataset[i] && H5Dclose(p->dataset[i]) < 0)
            h5_fail(e, EX_IOERR, p->name, "/%s: cannot be finished", p->column[i].name);
    if (H5Fclose(p->file) < 0)
        h5_fail(e, EX_IOERR, p->name, "cannot be finished");
    release(p);
    return e->status;
}

/* One column of all files, one after the other; HDF5 looks for the files where the virtual one is. */
static int create_virtual(hid_t file, const char *file_name, const struct column *c, char *const *names,
                          const uint64_t *counts, uint64_t n_files, struct error *e) {
    hsize_t total = 0, at = 0;
    for (uint64_t i = 0; i < n_files; i++)
        total += counts[i];
    hid_t space = H5Screate_simple(1, &total, NULL), plist = column_plist(c), id = -1;
    for (uint64_t i = 0; i < n_files && !e->status; i++) {
        hsize_t count = counts[i];
        if (count == 0)
            continue;
        hid_t source = H5Screate_simple(1, &count, NULL);
        if (H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, NULL, &count, NULL) < 0 ||
            H5Pset_virtual(plist, space, names[i], c->name, source) < 0)
            h5_fail(e, EX_IOERR, file_name, "/%s: %s cannot be made part of it", c->name, names[i]);
        H5Sclose(source);
        at += count;
    }
    H5Sselect_all(space);
    if (!e->status) {
        id = H5Dcreate2(file, c->name, c->file_type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        if (id < 0 || H5Dclose(id) < 0)
            h5_fail(e, EX_IOERR, file_name, "/%s: cannot be created", c->name);
    }
    H5Pclose(plist);
    H5Sclose(space);
    return e->status;
}

int h5_pairs_virtual(const char *file, const struct pair_columns *columns, char *const *names,
                     const uint64_t *counts, uint64_t n_files, struct error *e) {
    struct column column[COLUMNS];
    hid_t id = create_file(file, e);
    if (id < 0)
        return e->status;
    int n = columns_of(columns, column);
    for (int i = 0; i < n && !e->status; i++)
        create_virtual(id, file, &column[i], names, counts, n_files, e);
    if (H5Fclose(id) < 0)
        h5_fail(e, EX_IOERR, file, "cannot be finished");
    return e->status;
}
