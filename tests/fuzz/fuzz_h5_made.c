/* Files that HDF5 itself writes, of whatever the bytes say: all types, ranks, extents, layouts, filters,
 * links and attributes in the places where we look. Nothing is broken in them, so what fails is ours. */
#include "h5_all.h"

#include <hdf5.h>

static const char *const paths[] = {"sets",
                                    "sets/indptr",
                                    "sets/indices",
                                    "train",
                                    "size_train",
                                    "indptr",
                                    "indices",
                                    "vectors",
                                    "X/indptr",
                                    "X/indices",
                                    "ids/indptr",
                                    "ids/bytes",
                                    "source/names/indptr",
                                    "source/names/bytes",
                                    "source/file",
                                    "source/offset",
                                    "source/length",
                                    "left",
                                    "right",
                                    "similarity",
                                    "rank",
                                    "bands",
                                    "ids"};
static const char *const attributes[] = {"encoding-type", "shape", "h5sparse_format", "h5sparse_shape",
                                         "distance"};
static const hsize_t extents[] = {
    0, 1, 2, 3, 4, 5, 7, 60, 61, 1000, 1 << 20, (hsize_t)1 << 31, (hsize_t)1 << 33, (hsize_t)1 << 60};

#define PICK(b, list) ((list)[next_byte(b) % (sizeof(list) / sizeof *(list))])

/* To be closed. */
static hid_t make_type(struct bytes *b) {
    const hid_t plain[] = {H5T_STD_I8LE,       H5T_STD_U8LE,  H5T_STD_I16BE, H5T_STD_I32LE,   H5T_STD_U32LE,
                           H5T_STD_I64LE,      H5T_STD_U64LE, H5T_STD_I64BE, H5T_IEEE_F32LE,  H5T_IEEE_F64BE,
                           H5T_NATIVE_LDOUBLE, H5T_STD_B32LE, H5T_C_S1,      H5T_STD_REF_OBJ, H5T_UNIX_D32LE};
    const hsize_t three = 3;
    hid_t type = H5Tcopy(PICK(b, plain)), outer = -1;
    switch (next_byte(b) % 12) {
    case 0: /* odd sizes: integers of up to 40 bytes, of fewer bits, and strings */
        H5Tset_size(type, 1 + next_byte(b) % 40);
        break;
    case 1:
        H5Tset_precision(type, 1 + next_byte(b) % 16);
        H5Tset_offset(type, next_byte(b) % 8);
        break;
    case 2:
        outer = H5Tvlen_create(type);
        break;
    case 3:
        outer = H5Tarray_create2(type, 1, &three);
        break;
    case 4:
        outer = H5Tenum_create(H5T_NATIVE_INT8);
        break;
    case 5:
        outer = H5Tcreate(H5T_COMPOUND, H5Tget_size(type) + 4);
        H5Tinsert(outer, "x", 0, type);
        break;
    case 6:
        outer = H5Tcopy(H5T_C_S1);
        H5Tset_size(outer, H5T_VARIABLE);
        break;
    }
    if (outer < 0)
        return type;
    H5Tclose(type);
    return outer;
}

/* To be closed. */
static hid_t make_space(struct bytes *b, hsize_t extent[4], int *rank) {
    hsize_t most[4];
    *rank = next_byte(b) % 5;
    for (int i = 0; i < *rank; i++)
        extent[i] = PICK(b, extents);
    uint8_t kind = next_byte(b) % 8;
    for (int i = 0; i < *rank; i++)
        most[i] = kind == 1 ? H5S_UNLIMITED : extent[i];
    return kind == 0 ? H5Screate(H5S_NULL)
           : *rank   ? H5Screate_simple(*rank, extent, most)
                     : H5Screate(H5S_SCALAR);
}

/* How a dataset is stored; to be closed. */
static hid_t make_plist(struct bytes *b, int rank) {
    hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t chunk[4];
    for (int i = 0; i < rank; i++)
        chunk[i] = 1 + next_byte(b) % 64;
    switch (next_byte(b) % 6) {
    case 0:
        H5Pset_layout(plist, H5D_COMPACT);
        break;
    case 1:
        H5Pset_external(plist, "/dev/null", 0, H5F_UNLIMITED);
        break;
    case 2:
    case 3:
        if (rank)
            H5Pset_chunk(plist, rank, chunk);
        if (next_byte(b) & 1)
            H5Pset_shuffle(plist);
        if (next_byte(b) & 1)
            H5Pset_deflate(plist, 1);
        if (next_byte(b) & 1)
            H5Pset_fletcher32(plist);
        break;
    }
    return plist;
}

/* Few enough to write: their values are the bytes that are left. */
static void write_values(struct bytes *b, hid_t dataset, const hsize_t *extent, int rank) {
    int64_t values[4096];
    hsize_t n = 1;
    for (int i = 0; i < rank && n <= 4096; i++)
        n = extent[i] > 4096 ? 4097 : n * extent[i];
    if (n > 4096)
        return;
    uint8_t kind = next_byte(b);
    for (hsize_t i = 0, at = 0; i < n; i++)
        values[i] = kind % 4 == 0   ? (int64_t)(at += next_byte(b) % 8)
                    : kind % 4 == 1 ? (int8_t)next_byte(b)
                                    : (int64_t)i;
    H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
}

static void make_dataset(struct bytes *b, hid_t file, const char *path) {
    hsize_t extent[4] = {0};
    int rank;
    hid_t links = H5Pcreate(H5P_LINK_CREATE), type = make_type(b), space = make_space(b, extent, &rank);
    hid_t plist = make_plist(b, rank);
    H5Pset_create_intermediate_group(links, 1);
    bool huge = false;
    for (int i = 0; i < rank; i++)
        huge |= extent[i] > 1 << 20;
    H5Pset_fill_time(plist, H5D_FILL_TIME_NEVER);
    if (huge && H5Pget_layout(plist) == H5D_CONTIGUOUS)
        H5Pset_alloc_time(plist, H5D_ALLOC_TIME_LATE);
    hid_t dataset = H5Dcreate2(file, path, type, space, links, plist, H5P_DEFAULT);
    if (dataset >= 0) {
        write_values(b, dataset, extent, rank);
        H5Dclose(dataset);
    }
    H5Pclose(plist);
    H5Sclose(space);
    H5Tclose(type);
    H5Pclose(links);
}

static void make_attribute(struct bytes *b, hid_t file, const char *path) {
    hsize_t extent[4] = {0};
    int rank;
    const char *name = PICK(b, attributes);
    hid_t type = make_type(b), space = make_space(b, extent, &rank);
    hid_t id = H5Acreate_by_name(file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    int64_t shape[2] = {next_byte(b), 9};
    static const char *const text = "csc_matrix";
    if (id >= 0 && rank == 1 && extent[0] == 2 && H5Tget_class(type) == H5T_INTEGER)
        H5Awrite(id, H5T_NATIVE_INT64, shape);
    else if (id >= 0 && H5Tis_variable_str(type) > 0 && H5Sget_simple_extent_npoints(space) == 1)
        H5Awrite(id, type, &text);
    if (id >= 0)
        H5Aclose(id);
    H5Sclose(space);
    H5Tclose(type);
}

static void make_object(struct bytes *b, hid_t file) {
    const char *path = PICK(b, paths), *other = PICK(b, paths);
    switch (next_byte(b) % 8) {
    case 0:
        make_attribute(b, file, next_byte(b) & 1 ? "/" : path);
        break;
    case 1:
        H5Lcreate_soft(other, file, path, H5P_DEFAULT, H5P_DEFAULT);
        break;
    case 2:
        H5Lcreate_hard(file, next_byte(b) & 1 ? "/" : other, file, path, H5P_DEFAULT, H5P_DEFAULT);
        break;
    default:
        make_dataset(b, file, path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes b = {data, size};
    uint8_t way = next_byte(&b);
    h5_start();
    const char *name = file_of("", 0);
    hid_t file = H5Fcreate(name, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    MUST(file >= 0);
    for (int i = 0; i < 8 && b.left > 0; i++)
        make_object(&b, file);
    H5Fclose(file);
    read_one_way(name, way);
    return 0;
}
