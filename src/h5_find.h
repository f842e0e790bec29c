/* Where an HDF5 file holds sets or vectors. Not collective. */
#ifndef H5_FIND_H
#define H5_FIND_H

#include <stdint.h>

#include "lshjoin/base.h"

/* What is looked for. */
enum h5_content { H5_SETS = 1, H5_VECTORS, H5_EITHER, H5_WEIGHTED };

enum { H5_PATH = 512 }; /* room for the path of an object */

/* The paths of the datasets that sets are made of. */
struct h5_parts {
    char offsets[H5_PATH + 8];  /* indptr, or size_D */
    char elements[H5_PATH + 8]; /* indices, or D */
    char weights[H5_PATH + 8];  /* data, which only weighted sets must have; empty of flat sets */
};
struct h5_parts h5_parts_of(const char *object, const char *kind);

/* In the open file `file_id`, called `file` in messages: the records at `name`, or, where it is NULL, the
 * shallowest ones that are wanted; of several, one named X, matrix, sets or vectors, or /train. Follows soft
 * links, never links to other files. `object` is the group and *kind "csr", or the dataset and "flat" or
 * "dense". Fills *e with EX_DATAERR if there are none, or if it is not clear which. Returns e->status. */
int h5_find(char object[H5_PATH], const char **kind, int64_t file_id, const char *file, const char *name,
            enum h5_content wanted, struct error *e);

/* Tell of all records in the open file `file_id`, called `file` in messages: object and kind as above, from
 * the shallowest on. Returns e->status. */
int h5_find_all(int64_t file_id, const char *file,
                void (*tell)(void *ctx, const char *object, const char *kind), void *ctx, struct error *e);

#endif
