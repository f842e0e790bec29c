#include "h5_read.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "h5_base.h"

bool h5_is_hdf5(const char *file) {
    struct stat st;
    h5_start();
    return stat(file, &st) == 0 && S_ISREG(st.st_mode) && H5Fis_hdf5(file) > 0;
}

int h5_file_open(int64_t *id, const char *file, struct error *e) {
    struct stat st;
    *id = 0;
    int fd = open(file, O_RDONLY);
    if (fd < 0)
        return error_set(e, EX_NOINPUT, "%s: cannot be opened: %s", file, strerror(errno));
    bool is_regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    close(fd);
    if (!is_regular)
        return error_set(e, EX_NOINPUT, "%s: not a regular file", file);
    if (!h5_is_hdf5(file))
        return error_set(e, EX_DATAERR, "%s: not an HDF5 file", file);
    /* Locks would keep readers out of what another program has open, and fail where there are none. */
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_file_locking(access, false, true);
    hid_t opened = H5Fopen(file, H5F_ACC_RDONLY, access);
    H5Pclose(access);
    if (opened < 0)
        return h5_fail(e, EX_DATAERR, file, "cannot be opened as HDF5");
    *id = opened;
    return 0;
}

void h5_file_close(int64_t *id) {
    if (*id)
        H5Fclose(*id);
    *id = 0;
}

/* The text of a one-element attribute; false if there is none such. */
static bool attribute_text(hid_t loc, const char *object, const char *name, char *text, size_t size) {
    if (H5Aexists_by_name(loc, object, name, H5P_DEFAULT) <= 0)
        return false;
    hid_t attribute = H5Aopen_by_name(loc, object, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    char fixed[64] = "", *varying = NULL;
    bool found = false;
    if (H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1) {
        if (H5Tis_variable_str(type) > 0)
            found = H5Aread(attribute, type, &varying) >= 0 && varying;
        else
            found = H5Tget_size(type) < sizeof fixed && H5Aread(attribute, type, fixed) >= 0;
    }
    if (found)
        snprintf(text, size, "%s", varying ? varying : fixed);
    H5free_memory(varying);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return found;
}

/* The first of an attribute's two integers; false if it has no such. */
static bool attribute_rows(hid_t loc, const char *object, const char *name, int64_t *rows) {
    if (H5Aexists_by_name(loc, object, name, H5P_DEFAULT) <= 0)
        return false;
    hid_t attribute = H5Aopen_by_name(loc, object, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    int64_t shape[2];
    bool found = H5Tget_class(type) == H5T_INTEGER && H5Sget_simple_extent_npoints(space) == 2 &&
                 H5Aread(attribute, H5T_NATIVE_INT64, shape) >= 0;
    if (found)
        *rows = shape[0];
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return found;
}

/* AnnData tells by attributes, of two names, whether a sparse matrix is stored by rows or by columns, which
 * look the same, and how many rows it has. Others may use a `shape` in their own way. */
static int check_encoding(const struct h5_records *s, struct error *e) {
    static const char *const names[2][2] = {{"encoding-type", "shape"},
                                            {"h5sparse_format", "h5sparse_shape"}};
    char text[64];
    int64_t rows;
    for (int i = 0; i < 2; i++) {
        const char *encoding = names[i][0], *shape = names[i][1];
        if (!attribute_text(s->file_id, s->object, encoding, text, sizeof text))
            continue;
        if (strncmp(text, "csc", 3) == 0)
            return error_set(e, EX_DATAERR, "%s: %s: %s is %s, stored by columns; store it by rows, as csr",
                             s->file, s->object, encoding, text);
        if (attribute_rows(s->file_id, s->object, shape, &rows) && rows != (int64_t)s->rows)
            return error_set(e, EX_DATAERR,
                             "%s: %s: has %" PRIu64 " offsets, expected one more than the %" PRId64
                             " rows of %s",
                             s->file, s->offset_list.path, s->rows + 1, rows, shape);
    }
    return 0;
}

static bool is_csr(const struct h5_records *s) {
    return strcmp(s->kind, "csr") == 0;
}

static bool is_flat(const struct h5_records *s) {
    return strcmp(s->kind, "flat") == 0;
}

static bool is_dense(const struct h5_records *s) {
    return strcmp(s->kind, "dense") == 0;
}

static int open_matrix(struct h5_records *s, struct error *e) {
    if (h5_matrix_open(&s->matrix, s->file_id, s->file, s->object, e))
        return e->status;
    s->rows = s->matrix.rows;
    s->columns = s->matrix.columns;
    s->elements = s->rows * s->columns;
    s->width = s->matrix.width;
    return 0;
}

/* As many weights as elements. */
static int open_weights(struct h5_records *s, const char *path, struct error *e) {
    if (h5_list_open_any(&s->weight_list, s->file_id, s->file, path, e) ||
        s->weight_list.length == s->elements)
        return e->status;
    return error_set(e, EX_DATAERR,
                     "%s: %s: has %" PRIu64 " numbers, expected as many as the %" PRIu64
                     " elements of indices",
                     s->file, path, s->weight_list.length, s->elements);
}

static int open_lists(struct h5_records *s, bool weighted, struct error *e) {
    struct h5_parts parts = h5_parts_of(s->object, s->kind);
    struct h5_list *offsets = &s->offset_list, *elements = &s->element_list;
    if (h5_list_open(offsets, s->file_id, s->file, parts.offsets, e) ||
        h5_list_open(elements, s->file_id, s->file, parts.elements, e))
        return e->status;
    s->elements = elements->length;
    s->width = elements->size <= 4 ? 4 : 8;
    s->rows = offsets->length;
    if (weighted && open_weights(s, parts.weights, e))
        return e->status;
    if (!is_csr(s))
        return 0;
    if (offsets->length == 0)
        return error_set(e, EX_DATAERR, "%s: %s: is empty, expected one offset more than there are rows",
                         s->file, offsets->path);
    s->rows--;
    return check_encoding(s, e);
}

int h5_records_open(struct h5_records *s, const char *file, const char *object, enum h5_content wanted,
                    struct error *e) {
    *s = (struct h5_records){.file = file};
    if (h5_file_open(&s->file_id, file, e) ||
        h5_find(s->object, &s->kind, s->file_id, file, object, wanted, e) ||
        (is_dense(s) ? open_matrix(s, e) : open_lists(s, wanted == H5_WEIGHTED, e)))
        h5_records_close(s);
    else
        attribute_text(s->file_id, "/", "distance", s->distance, sizeof s->distance);
    return e->status;
}

void h5_records_close(struct h5_records *s) {
    h5_matrix_close(&s->matrix);
    h5_list_close(&s->weight_list);
    h5_list_close(&s->element_list);
    h5_list_close(&s->offset_list);
    h5_file_close(&s->file_id);
}

static int read_offsets(const struct h5_records *s, uint64_t first, uint64_t n, uint64_t *out,
                        struct error *e) {
    return h5_list_read(&s->offset_list, first, n, sizeof *out, out, e);
}

/* What is wrong with the offset or the size of a row. */
static int complain_of_row(const struct h5_records *s, struct error *e, uint64_t row, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int complain_of_row(const struct h5_records *s, struct error *e, uint64_t row, const char *format,
                           ...) {
    char text[200];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(e, EX_DATAERR, "%s: %s: row %" PRIu64 ": %s", s->file, s->offset_list.path, row, text);
}

/* Whether a row may reach from offset `begin`, already checked, to `end`. */
static int check_row(const struct h5_records *s, uint64_t row, uint64_t begin, uint64_t end,
                     struct error *e) {
    if (s->offset_list.is_signed && end > INT64_MAX)
        return complain_of_row(s, e, row, "ends at %" PRId64 " (it must not be negative)", (int64_t)end);
    if (end < begin)
        return complain_of_row(s, e, row, "falls from %" PRIu64 " to %" PRIu64 " (it must not fall)", begin,
                               end);
    if (end > s->elements)
        return complain_of_row(s, e, row, "ends at %" PRIu64 ", beyond the %" PRIu64 " elements of indices",
                               end, s->elements);
    return 0;
}

/* The first row starts at the first element. */
static int check_start(const struct h5_records *s, uint64_t row, uint64_t begin, struct error *e) {
    if (row == 0 && begin != 0)
        return complain_of_row(s, e, 0, "starts at %" PRId64 " (it must start at 0)", (int64_t)begin);
    return 0;
}

static int csr_lengths(const struct h5_records *s, uint64_t first, uint64_t n, uint64_t *length,
                       struct error *e) {
    uint64_t last, begin;
    if (read_offsets(s, first, n, length, e) || read_offsets(s, first + n, 1, &last, e))
        return e->status;
    begin = n > 0 ? length[0] : last;
    if (check_start(s, first, begin, e))
        return e->status;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t end = i + 1 < n ? length[i + 1] : last;
        if (check_row(s, first + i, begin, end, e))
            return e->status;
        length[i] = end - begin;
        begin = end;
    }
    return 0;
}

static int flat_lengths(const struct h5_records *s, uint64_t first, uint64_t n, uint64_t *length,
                        struct error *e) {
    uint64_t room = s->elements;
    if (read_offsets(s, first, n, length, e))
        return e->status;
    for (uint64_t i = 0; i < n; i++) {
        if (s->offset_list.is_signed && length[i] > INT64_MAX)
            return complain_of_row(s, e, first + i, "a set of %" PRId64 " elements (it must not be negative)",
                                   (int64_t)length[i]);
        if (length[i] > room)
            return complain_of_row(s, e, first + i,
                                   "the sets up to here have more than the %" PRIu64 " elements of %s",
                                   s->elements, s->element_list.path);
        room -= length[i];
    }
    return 0;
}

int h5_records_lengths(struct h5_records *s, uint64_t first, uint64_t n, uint64_t *length, struct error *e) {
    for (uint64_t i = 0; i < n && is_dense(s); i++)
        length[i] = s->columns;
    if (is_dense(s))
        return 0;
    return is_csr(s) ? csr_lengths(s, first, n, length, e) : flat_lengths(s, first, n, length, e);
}

int h5_records_place(const struct h5_records *s, uint64_t row, uint64_t *begin, uint64_t *length,
                     struct error *e) {
    uint64_t offset[] = {row * s->columns, (row + 1) * s->columns};
    if (!is_dense(s) && (read_offsets(s, row, 2, offset, e) || check_start(s, row, offset[0], e) ||
                         check_row(s, row, offset[0], offset[1], e)))
        return e->status;
    *begin = offset[0];
    *length = offset[1] - offset[0];
    return 0;
}

int h5_records_check_total(const struct h5_records *s, uint64_t total, struct error *e) {
    if (!is_flat(s) || total == s->elements)
        return 0;
    return error_set(e, EX_DATAERR, "%s: %s: adds up to %" PRIu64 ", but %s has %" PRIu64 " elements",
                     s->file, s->offset_list.path, total, s->element_list.path, s->elements);
}

/* The place of the first negative number, or n. */
static uint64_t find_negative(const void *numbers, uint64_t n, size_t width) {
    const int32_t *narrow = numbers;
    const int64_t *wide = numbers;
    uint64_t i = 0;
    if (width == 4)
        while (i < n && narrow[i] >= 0)
            i++;
    else
        while (i < n && wide[i] >= 0)
            i++;
    return i;
}

int h5_records_elements(struct h5_records *s, uint64_t first, uint64_t n, void *out, uint64_t *bad,
                        struct error *e) {
    *bad = UINT64_MAX;
    if (is_dense(s))
        return h5_matrix_read(&s->matrix, first / s->columns, n / s->columns, out, e);
    if (first > s->elements || n > s->elements - first)
        return error_set(e, EX_DATAERR, "%s: %s: adds up to more than the %" PRIu64 " elements of %s",
                         s->file, s->offset_list.path, s->elements, s->element_list.path);
    if (h5_list_read(&s->element_list, first, n, s->width, out, e))
        return e->status;
    uint64_t place = s->element_list.is_signed ? find_negative(out, n, s->width) : n;
    if (place == n)
        return 0;
    *bad = first + place;
    return EX_DATAERR;
}

int h5_records_weights(struct h5_records *s, uint64_t first, uint64_t n, double *out, struct error *e) {
    return h5_list_read_reals(&s->weight_list, first, n, out, e);
}
