#include "h5_list.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "h5_base.h"

static const uint64_t piece_bytes = (uint64_t)16 << 20;

static void read_layout(struct h5_list *list) {
    hid_t plist = H5Dget_create_plist(list->id);
    hsize_t chunk = 1;
    if (H5Pget_layout(plist) == H5D_CHUNKED)
        H5Pget_chunk(plist, 1, &chunk);
    list->chunk = max_u64(chunk, 1);
    H5Pclose(plist);
}

static const char *class_name(H5T_class_t class) {
    switch (class) {
    case H5T_FLOAT:
        return "floating-point numbers";
    case H5T_STRING:
        return "strings";
    case H5T_ENUM:
        return "an enumeration or booleans";
    case H5T_COMPOUND:
        return "compound values";
    default:
        return "another type";
    }
}

static int read_type(struct h5_list *list, bool any, struct error *e) {
    hid_t type = H5Dget_type(list->id);
    H5T_class_t class = H5Tget_class(type);
    list->size = H5Tget_size(type);
    list->is_signed = H5Tget_sign(type) == H5T_SGN_2;
    H5Tclose(type);
    list->is_float = any && class == H5T_FLOAT;
    if (class != H5T_INTEGER && !list->is_float)
        return error_set(e, EX_DATAERR, "%s: %s: holds %s, expected %s", list->file, list->path,
                         class_name(class), any ? "numbers" : "integers");
    if (list->size > 8 && !list->is_float)
        return error_set(e, EX_DATAERR, "%s: %s: holds integers of %zu bytes, expected at most 8", list->file,
                         list->path, list->size);
    return 0;
}

static int read_length(struct h5_list *list, struct error *e) {
    hid_t space = H5Dget_space(list->id);
    int rank = H5Sget_simple_extent_ndims(space);
    hssize_t length = H5Sget_simple_extent_npoints(space);
    H5Sclose(space);
    if (rank != 1 || length < 0)
        return error_set(e, EX_DATAERR, "%s: %s: has %d dimensions, expected 1", list->file, list->path,
                         rank);
    list->length = (uint64_t)length;
    return 0;
}

static hid_t memory_type(bool is_signed, size_t width) {
    if (width == 1)
        return is_signed ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8;
    if (width == 4)
        return is_signed ? H5T_NATIVE_INT32 : H5T_NATIVE_UINT32;
    return is_signed ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
}

static int open_list(struct h5_list *list, int64_t file_id, const char *file, const char *path, bool any,
                     struct error *e) {
    *list = (struct h5_list){.file = file};
    snprintf(list->path, sizeof list->path, "%s", path);
    int64_t id = h5_dataset_open(file_id, file, path, e);
    if (id < 0)
        return e->status;
    list->id = id;
    read_layout(list);
    if (read_type(list, any, e) || read_length(list, e))
        return e->status;
    if (!list->is_float && (list->size == 4 || list->size == 8))
        list->raw = h5_raw_open(id, file, memory_type(list->is_signed, list->size));
    return 0;
}

int h5_list_open(struct h5_list *list, int64_t file_id, const char *file, const char *path, struct error *e) {
    return open_list(list, file_id, file, path, false, e);
}

int h5_list_open_any(struct h5_list *list, int64_t file_id, const char *file, const char *path,
                     struct error *e) {
    return open_list(list, file_id, file, path, true, e);
}

void h5_list_close(struct h5_list *list) {
    if (list->id)
        H5Dclose(list->id);
    list->id = 0;
    h5_raw_close(&list->raw);
}

static int read_piece(const struct h5_list *list, uint64_t first, uint64_t n, hid_t type, void *out,
                      struct error *e) {
    hsize_t start = first, count = n;
    hid_t from = H5Dget_space(list->id), to = H5Screate_simple(1, &count, NULL);
    if (H5Sselect_hyperslab(from, H5S_SELECT_SET, &start, NULL, &count, NULL) < 0 ||
        H5Dread(list->id, type, to, from, H5P_DEFAULT, out) < 0)
        h5_fail(e, EX_DATAERR, list->file, "%s: numbers %" PRIu64 " to %" PRIu64 " cannot be read",
                list->path, first, first + n - 1);
    else
        h5_check_length(list->id, list->file, e);
    H5Sclose(to);
    H5Sclose(from);
    return e->status;
}

/* Pieces end where chunks do, so that none is unpacked twice. */
static int read_list(const struct h5_list *list, uint64_t first, uint64_t n, hid_t type, size_t width,
                     void *out, struct error *e) {
    uint64_t piece = max_u64(piece_bytes / width / list->chunk, 1) * list->chunk, end = first + n;
    for (uint64_t at = first, next; at < end; at = next) {
        next = min_u64(at - at % list->chunk + piece, end);
        if (read_piece(list, at, next - at, type, (char *)out + (at - first) * width, e))
            return e->status;
    }
    return 0;
}

int h5_list_read(const struct h5_list *list, uint64_t first, uint64_t n, size_t width, void *out,
                 struct error *e) {
    if (width == list->size && n <= list->length && first <= list->length - n &&
        h5_raw_read(&list->raw, first * width, n * width, out))
        return 0;
    hid_t type = list->is_float ? H5T_NATIVE_DOUBLE : memory_type(list->is_signed, width);
    return read_list(list, first, n, type, width, out, e);
}

int h5_list_read_reals(const struct h5_list *list, uint64_t first, uint64_t n, double *out, struct error *e) {
    return read_list(list, first, n, H5T_NATIVE_DOUBLE, sizeof *out, out, e);
}
