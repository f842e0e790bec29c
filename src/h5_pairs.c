#include "h5_pairs.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "h5_base.h"
#include "h5_read.h"

enum { LEFT, RIGHT, VALUE, RANK, COLUMNS };

static const char *const value_names[] = {"similarity", "containment", "distance", "product", "bands"};

/* Whether a virtual dataset's files lie beside it, as lshjoin writes them: HDF5 would open others, too. */
static int check_sources(const struct h5_pairs_file *p, hid_t dataset, const char *name, struct error *e) {
    hid_t plist = H5Dget_create_plist(dataset);
    size_t n = 0;
    char source[H5_PATH] = "";
    if (H5Pget_external_count(plist) > 0)
        error_set(e, EX_DATAERR, "%s: /%s: its numbers are in other files", p->file, name);
    if (H5Pget_layout(plist) == H5D_VIRTUAL)
        H5Pget_virtual_count(plist, &n);
    for (size_t i = 0; i < n && !e->status; i++)
        if (H5Pget_virtual_filename(plist, i, source, sizeof source) < 0 || strchr(source, '/'))
            error_set(e, EX_DATAERR, "%s: /%s: its numbers are in %s, expected files beside it", p->file,
                      name, source);
    H5Pclose(plist);
    return e->status;
}

/* A column's dataset, of `*n` items, or as many as it has where that is UINT64_MAX. */
static int open_column(struct h5_pairs_file *p, int column, const char *name, uint64_t *n, struct error *e) {
    hid_t id = H5Dopen2(p->file_id, name, H5P_DEFAULT);
    if (id < 0)
        return error_set(e, EX_DATAERR, "%s: holds no pairs: there is no /%s", p->file, name);
    p->datasets[column] = id;
    if (check_sources(p, id, name, e))
        return e->status;
    hid_t space = H5Dget_space(id);
    hssize_t length = H5Sget_simple_extent_ndims(space) == 1 ? H5Sget_simple_extent_npoints(space) : -1;
    H5Sclose(space);
    if (length < 0 || (*n != UINT64_MAX && (uint64_t)length != *n))
        return error_set(e, EX_DATAERR, "%s: /%s: is no list as long as /left", p->file, name);
    *n = (uint64_t)length;
    return 0;
}

static int open_columns(struct h5_pairs_file *p, struct error *e) {
    uint64_t n = UINT64_MAX;
    for (size_t i = 0; i < sizeof value_names / sizeof *value_names && !p->value[0]; i++)
        if (H5Lexists(p->file_id, value_names[i], H5P_DEFAULT) > 0)
            snprintf(p->value, sizeof p->value, "%s", value_names[i]);
    if (open_column(p, LEFT, "left", &n, e) || open_column(p, RIGHT, "right", &n, e) ||
        open_column(p, VALUE, p->value[0] ? p->value : "similarity", &n, e))
        return e->status;
    if (H5Lexists(p->file_id, "rank", H5P_DEFAULT) > 0 && open_column(p, RANK, "rank", &n, e))
        return e->status;
    p->n = n;
    return 0;
}

int h5_pairs_file_open(struct h5_pairs_file *p, const char *file, struct error *e) {
    *p = (struct h5_pairs_file){.file = file};
    return h5_file_open(&p->file_id, file, e) ? e->status : open_columns(p, e);
}

void h5_pairs_file_close(struct h5_pairs_file *p) {
    for (int i = 0; i < COLUMNS; i++)
        if (p->datasets[i])
            H5Dclose(p->datasets[i]);
    h5_file_close(&p->file_id);
    *p = (struct h5_pairs_file){0};
}

/* One column, 8 bytes a number. */
static int read_column(const struct h5_pairs_file *p, int column, uint64_t first, uint64_t n, void *numbers,
                       struct error *e) {
    hsize_t start = first, count = n;
    hid_t type = column == VALUE ? H5T_NATIVE_DOUBLE : H5T_NATIVE_UINT64;
    hid_t from = H5Dget_space(p->datasets[column]), to = H5Screate_simple(1, &count, NULL);
    if (H5Sselect_hyperslab(from, H5S_SELECT_SET, &start, NULL, &count, NULL) < 0 ||
        H5Dread(p->datasets[column], type, to, from, H5P_DEFAULT, numbers) < 0)
        h5_fail(e, EX_DATAERR, p->file, "pairs %" PRIu64 " to %" PRIu64 " cannot be read", first,
                first + n - 1);
    H5Sclose(to);
    H5Sclose(from);
    return e->status;
}

int h5_pairs_file_read(const struct h5_pairs_file *p, uint64_t first, uint64_t n, struct pair *pairs,
                       struct error *e) {
    static const size_t member[COLUMNS] = {offsetof(struct pair, left), offsetof(struct pair, right),
                                           offsetof(struct pair, value), offsetof(struct pair, rank)};
    uint64_t *numbers = mem_alloc(n, sizeof *numbers);
    memset(pairs, 0, n * sizeof *pairs);
    for (int c = 0; c < COLUMNS && !e->status; c++)
        if (p->datasets[c] && !read_column(p, c, first, n, numbers, e))
            for (uint64_t i = 0; i < n; i++)
                memcpy((char *)&pairs[i] + member[c], &numbers[i], sizeof *numbers);
    for (uint64_t i = 0; i < n && !e->status; i++)
        if (pairs[i].left == UINT64_MAX) /* as which h5_write lets what is missing read */
            error_set(e, EX_DATAERR, "%s: pair %" PRIu64 " is missing; are all pairs-*.h5 beside it?",
                      p->file, first + i);
    free(numbers);
    return e->status;
}
