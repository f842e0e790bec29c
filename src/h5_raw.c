#include "h5_raw.h"

#include <fcntl.h>
#include <hdf5.h>
#include <unistd.h>

uint64_t h5_raw_place(int64_t dataset, int64_t native) {
    hid_t type = H5Dget_type(dataset);
    haddr_t place = H5Tequal(type, native) > 0 ? H5Dget_offset(dataset) : HADDR_UNDEF;
    H5Tclose(type);
    return place == HADDR_UNDEF ? UINT64_MAX : place; /* in chunks, not written, or of another type */
}

struct h5_raw h5_raw_open(int64_t dataset, const char *file, int64_t native) {
    uint64_t place = h5_raw_place(dataset, native);
    if (place == UINT64_MAX)
        return (struct h5_raw){0};
    return (struct h5_raw){open(file, O_RDONLY | O_CLOEXEC) + 1, place};
}

void h5_raw_close(struct h5_raw *r) {
    if (r->file)
        close(r->file - 1);
    *r = (struct h5_raw){0};
}

bool h5_raw_read(const struct h5_raw *r, uint64_t first, uint64_t n, void *out) {
    return r->file && n <= H5_RAW_MOST && pread(r->file - 1, out, n, (off_t)(r->place + first)) == (ssize_t)n;
}
