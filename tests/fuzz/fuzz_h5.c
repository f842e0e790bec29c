/* The bytes of an HDF5 file, broken anywhere. Much of what this finds is HDF5's own: see run.sh. */
#include "h5_all.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    h5_start();
    read_one_way(file_of(data, size), size ? data[size - 1] : 0); /* HDF5 does not look at the last byte */
    return 0;
}
