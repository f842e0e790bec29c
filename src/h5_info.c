#include "h5_info.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "h5_base.h"

static void name_type(hid_t type, char *name, size_t size) {
    size_t bits = 8 * H5Tget_size(type);
    const char *order = bits > 8 && H5Tget_order(type) == H5T_ORDER_BE ? "big-endian " : "";
    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        snprintf(name, size, "%s%sint%zu", order, H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
        break;
    case H5T_FLOAT:
        snprintf(name, size, "%sfloat%zu", order, bits);
        break;
    case H5T_STRING:
        snprintf(name, size, "text");
        break;
    default:
        snprintf(name, size, "another type");
    }
}

static void read_extent(struct h5_layout *layout, hid_t dataset) {
    hsize_t extent[H5S_MAX_RANK] = {0};
    hid_t space = H5Dget_space(dataset);
    layout->dimensions = H5Sget_simple_extent_dims(space, extent, NULL);
    for (int i = 0; i < 2; i++)
        layout->extent[i] = extent[i];
    H5Sclose(space);
}

static void read_chunk(struct h5_layout *layout, hid_t plist, size_t item) {
    hsize_t chunk[H5S_MAX_RANK] = {0};
    int dimensions = H5Pget_layout(plist) == H5D_CHUNKED ? H5Pget_chunk(plist, H5S_MAX_RANK, chunk) : 0;
    layout->chunk_bytes = dimensions > 0 ? item : 0;
    for (int i = 0; i < dimensions; i++)
        layout->chunk_bytes *= chunk[i];
    for (int i = 0; i < 2; i++)
        layout->chunk[i] = chunk[i];
}

static void read_filter(struct h5_layout *layout, hid_t plist, unsigned i) {
    unsigned flags, values[8] = {0};
    size_t n = sizeof values / sizeof *values, length = strlen(layout->filters);
    char name[40] = "", *end = layout->filters + length;
    H5Z_filter_t filter = H5Pget_filter2(plist, i, &flags, &n, values, sizeof name, name, NULL);
    const char *comma = length ? ", " : "";
    if (filter == H5Z_FILTER_DEFLATE)
        snprintf(end, sizeof layout->filters - length, "%sgzip %u", comma, values[0]);
    else
        snprintf(end, sizeof layout->filters - length, "%s%s", comma, name[0] ? name : "one without a name");
    if (filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
        layout->compression = filter == H5Z_FILTER_DEFLATE ? "gzip" : "a filter";
}

int h5_layout_read(struct h5_layout *layout, int64_t file_id, const char *file, const char *path,
                   struct error *e) {
    *layout = (struct h5_layout){0};
    int64_t dataset = h5_dataset_open(file_id, file, path, e);
    if (dataset < 0)
        return e->status;
    hid_t type = H5Dget_type(dataset), plist = H5Dget_create_plist(dataset);
    name_type(type, layout->type, sizeof layout->type);
    read_extent(layout, dataset);
    read_chunk(layout, plist, H5Tget_size(type));
    int filters = H5Pget_nfilters(plist);
    for (int i = 0; i < filters; i++)
        read_filter(layout, plist, (unsigned)i);
    layout->stored = H5Dget_storage_size(dataset);
    H5Pclose(plist);
    H5Tclose(type);
    H5Dclose(dataset);
    return 0;
}

struct attributes {
    void (*tell)(void *ctx, const char *name, const char *value);
    void *ctx;
};

static void read_text(hid_t attribute, hid_t type, char *value, size_t size) {
    char *varying = NULL;
    if (H5Tis_variable_str(type) > 0) {
        if (H5Aread(attribute, type, &varying) >= 0 && varying)
            snprintf(value, size, "%s", varying);
        H5free_memory(varying);
    } else if (H5Tget_size(type) < size && H5Aread(attribute, type, value) >= 0)
        value[H5Tget_size(type)] = 0;
}

static void read_number(hid_t attribute, hid_t type, char *value, size_t size) {
    int64_t whole;
    double real;
    bool is_unsigned = H5Tget_sign(type) == H5T_SGN_NONE;
    if (H5Tget_class(type) == H5T_FLOAT && H5Aread(attribute, H5T_NATIVE_DOUBLE, &real) >= 0)
        snprintf(value, size, "%g", real);
    if (H5Tget_class(type) == H5T_INTEGER &&
        H5Aread(attribute, is_unsigned ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64, &whole) >= 0)
        snprintf(value, size, is_unsigned ? "%" PRIu64 : "%" PRId64, whole);
}

static herr_t tell_attribute(hid_t object, const char *name, const H5A_info_t *info, void *ctx) {
    const struct attributes *a = ctx;
    char value[300] = "";
    (void)info;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    if (attribute < 0)
        return 0;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    if (n == 1 && H5Tget_class(type) == H5T_STRING)
        read_text(attribute, type, value, sizeof value);
    else if (n == 1)
        read_number(attribute, type, value, sizeof value);
    if (!value[0]) {
        char what[40];
        name_type(type, what, sizeof what);
        snprintf(value, sizeof value, "(%s, %lld of them)", what, (long long)n);
    }
    a->tell(a->ctx, name, value);
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return 0;
}

void h5_attributes_each(int64_t file_id, const char *object,
                        void (*tell)(void *ctx, const char *name, const char *value), void *ctx) {
    struct attributes a = {tell, ctx};
    hsize_t from = 0;
    H5Aiterate_by_name(file_id, object, H5_INDEX_NAME, H5_ITER_INC, &from, tell_attribute, &a, H5P_DEFAULT);
}
