#include "h5_sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "h5_base.h"
#include "h5_raw.h"
#include "h5_read.h"

int h5_map_open(struct h5_map *m, const char *file, struct error *e) {
    struct stat info;
    *m = (struct h5_map){.file = file};
    if (h5_file_open(&m->file_id, file, e))
        return e->status;
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) {
        error_set(e, EX_NOINPUT, "%s: cannot be read: %s", file, strerror(errno));
    } else if (info.st_size > 0) {
        void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED) {
            error_set(e, EX_OSERR, "%s: cannot be mapped: %s", file, strerror(errno));
        } else {
            m->bytes = bytes;
            m->n = (uint64_t)info.st_size;
        }
    }
    if (fd >= 0)
        close(fd);
    return e->status;
}

void h5_map_close(struct h5_map *m) {
    h5_file_close(&m->file_id);
    if (m->bytes)
        munmap((void *)(uintptr_t)m->bytes, m->n);
    m->bytes = NULL;
}

static hid_t native_of(size_t width) {
    return width == 1   ? H5T_NATIVE_UINT8
           : width == 2 ? H5T_NATIVE_UINT16
           : width == 4 ? H5T_NATIVE_UINT32
                        : H5T_NATIVE_UINT64;
}

/* The bytes of the dataset, *n of them: of integers of *width bytes. NULL where it is not what we write. */
static const char *find(const struct h5_map *m, const char *path, size_t *width, uint64_t *n,
                        struct error *e) {
    hsize_t extent[2] = {0, 1};
    int64_t id = h5_dataset_open(m->file_id, m->file, path, e);
    if (id < 0)
        return NULL;
    hid_t type = H5Dget_type(id), space = H5Dget_space(id);
    *width = H5Tget_size(type);
    bool is_list = *width > 0 && H5Sget_simple_extent_ndims(space) <= 2 &&
                   H5Sget_simple_extent_dims(space, extent, NULL) > 0 &&
                   !__builtin_mul_overflow(extent[0], extent[1] * *width, n);
    uint64_t place = is_list && *n > 0 ? h5_raw_place(id, native_of(*width)) : 0;
    H5Sclose(space);
    H5Tclose(type);
    H5Dclose(id);
    if (is_list && place <= m->n && *n <= m->n - place && place % *width == 0)
        return m->bytes + place;
    error_set(e, EX_DATAERR, "%s: %s: is damaged, or was not written by lshjoin", m->file, path);
    return NULL;
}

static uint64_t blocks_of(uint64_t bytes) {
    return (bytes + SEAL_BLOCK - 1) / SEAL_BLOCK;
}

int h5_sealed_open(struct h5_sealed *s, const struct h5_map *m, const char *path, size_t item,
                   struct error *e) {
    char sums[256];
    size_t width, sum_width;
    uint64_t bytes, sum_bytes;
    *s = (struct h5_sealed){.item = item};
    snprintf(sums, sizeof sums, "%s.sums", path);
    s->data = find(m, path, &width, &bytes, e);
    const char *sum = s->data ? find(m, sums, &sum_width, &sum_bytes, e) : NULL;
    if (!sum)
        return e->status;
    if (bytes % item || item % width || (uintptr_t)s->data % min_u64(item, sizeof(uint64_t)) ||
        sum_width != sizeof *s->sum || sum_bytes != blocks_of(bytes) * sizeof *s->sum)
        return error_set(e, EX_DATAERR, "%s: %s: is damaged: %" PRIu64 " bytes, expected items of %zu",
                         m->file, path, bytes, item);
    s->n = bytes / item;
    s->sum = (const uint64_t *)(const void *)sum;
    s->seen = mem_zero(blocks_of(bytes) / 64 + 1, sizeof *s->seen);
    return 0;
}

uint64_t h5_sealed_blocks(const struct h5_sealed *s) {
    return blocks_of(s->n * s->item);
}

void h5_sealed_close(struct h5_sealed *s) {
    free(s->seen);
    *s = (struct h5_sealed){0};
}

static bool is_whole(const struct h5_sealed *s, uint64_t block) {
    uint64_t *word = &s->seen[block / 64], bit = (uint64_t)1 << block % 64;
    if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
        return true;
    uint64_t at = block * SEAL_BLOCK, n = min_u64(SEAL_BLOCK, s->n * s->item - at);
    if (seal_part(s->data + at, 0, n) != s->sum[block])
        return false;
    __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
    return true;
}

bool h5_sealed_check(const struct h5_sealed *s, uint64_t first, uint64_t n) {
    if (n > s->n || first > s->n - n)
        return false; /* what tells of it is damaged */
    uint64_t end = blocks_of((first + n) * s->item);
    for (uint64_t block = first * s->item / SEAL_BLOCK; block < end; block++)
        if (!is_whole(s, block))
            return false;
    return true;
}

/* The system maps pages around one that is touched, up to so many bytes; what others need of them comes back.
 */
static void leave(const struct h5_map *m, const void *bytes, uint64_t n) {
    const uint64_t around = 1 << 16, first = (uint64_t)((const char *)bytes - m->bytes) / around * around,
                   end = min_u64(m->n, ((uint64_t)((const char *)bytes - m->bytes) + n + around - 1) /
                                           around * around);
    if (n > 0)
        madvise((void *)(uintptr_t)(m->bytes + first), end - first, MADV_DONTNEED);
}

void h5_sealed_leave(const struct h5_sealed *s, const struct h5_map *m) {
    leave(m, s->data, s->n * s->item);
    leave(m, s->sum, h5_sealed_blocks(s) * sizeof *s->sum);
}
