/* How an HDF5 file stores what it holds, in words. Not collective. */
#ifndef H5_INFO_H
#define H5_INFO_H

#include <stdint.h>

#include "lshjoin/base.h"

struct h5_layout {
    char type[40];                /* int64, uint32, float32 ...; "big-endian int64" */
    int dimensions;               /* at most 2 are told of */
    uint64_t extent[2], chunk[2]; /* items; chunk[0] is 0 where there are no chunks */
    uint64_t chunk_bytes;         /* before compression */
    uint64_t stored;              /* bytes in the file */
    char filters[100];            /* "shuffle, gzip 4", or empty */
    const char *compression;      /* NULL, or what to call the filter that makes numbers fewer bytes */
};

/* Of the dataset at `path` in the open file `file_id`, called `file` in messages. Returns e->status. */
int h5_layout_read(struct h5_layout *layout, int64_t file_id, const char *file, const char *path,
                   struct error *e);

/* Tell of each attribute of an object in the order of their names: texts and single numbers as they are, of
 * others what they are. */
void h5_attributes_each(int64_t file_id, const char *object,
                        void (*tell)(void *ctx, const char *name, const char *value), void *ctx);

#endif
