#include "h5_matrix.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

#include "h5_base.h"

static const uint64_t piece_bytes = (uint64_t)16 << 20;

static void read_shape(struct h5_matrix *m) {
    hid_t type = H5Dget_type(m->id), space = H5Dget_space(m->id), plist = H5Dget_create_plist(m->id);
    hsize_t shape[2], chunk[2] = {1, 1};
    H5Sget_simple_extent_dims(space, shape, NULL);
    if (H5Pget_layout(plist) == H5D_CHUNKED)
        H5Pget_chunk(plist, 2, chunk);
    m->rows = shape[0];
    m->columns = shape[1];
    m->chunk = max_u64(chunk[0], 1);
    m->width = H5Tget_size(type) > sizeof(float) ? sizeof(double) : sizeof(float);
    H5Pclose(plist);
    H5Sclose(space);
    H5Tclose(type);
}

static hid_t memory_type(const struct h5_matrix *m) {
    return m->width == sizeof(float) ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
}

int h5_matrix_open(struct h5_matrix *m, int64_t file_id, const char *file, const char *path,
                   struct error *e) {
    *m = (struct h5_matrix){.file = file};
    snprintf(m->path, sizeof m->path, "%s", path);
    int64_t id = h5_dataset_open(file_id, file, path, e);
    if (id < 0)
        return e->status;
    m->id = id;
    read_shape(m);
    if (m->columns == 0)
        return error_set(e, EX_DATAERR, "%s: %s: has no columns", file, path);
    m->raw = h5_raw_open(id, file, memory_type(m));
    return 0;
}

void h5_matrix_close(struct h5_matrix *m) {
    if (m->id)
        H5Dclose(m->id);
    m->id = 0;
    h5_raw_close(&m->raw);
}

static int read_piece(const struct h5_matrix *m, uint64_t first, uint64_t n, void *out, struct error *e) {
    hsize_t start[2] = {first, 0}, count[2] = {n, m->columns};
    hid_t from = H5Dget_space(m->id), to = H5Screate_simple(2, count, NULL);
    hid_t type = memory_type(m);
    if (H5Sselect_hyperslab(from, H5S_SELECT_SET, start, NULL, count, NULL) < 0 ||
        H5Dread(m->id, type, to, from, H5P_DEFAULT, out) < 0)
        h5_fail(e, EX_DATAERR, m->file, "%s: rows %" PRIu64 " to %" PRIu64 " cannot be read", m->path, first,
                first + n - 1);
    else
        h5_check_length(m->id, m->file, e);
    H5Sclose(to);
    H5Sclose(from);
    return e->status;
}

/* Pieces end where chunks do, so that none is unpacked twice. */
int h5_matrix_read(const struct h5_matrix *m, uint64_t first, uint64_t n, void *out, struct error *e) {
    uint64_t row = m->columns * m->width, piece = max_u64(piece_bytes / row / m->chunk, 1) * m->chunk,
             end = first + n;
    if (n <= m->rows && first <= m->rows - n && h5_raw_read(&m->raw, first * row, n * row, out))
        return 0;
    for (uint64_t at = first, next; at < end; at = next) {
        next = min_u64(at - at % m->chunk + piece, end);
        if (read_piece(m, at, next - at, (char *)out + (at - first) * row, e))
            return e->status;
    }
    return 0;
}
