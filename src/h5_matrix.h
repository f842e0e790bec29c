/* A two-dimensional dataset of numbers, read by rows. Not collective. */
#ifndef H5_MATRIX_H
#define H5_MATRIX_H

#include <stddef.h>
#include <stdint.h>

#include "h5_find.h"
#include "h5_raw.h"
#include "lshjoin/base.h"

struct h5_matrix {
    const char *file; /* not owned */
    char path[H5_PATH];
    int64_t id;                    /* hid_t; 0: not open */
    uint64_t rows, columns, chunk; /* chunk: rows of one, 1 where there are none */
    size_t width; /* bytes of a number as we keep it: 4 (float), or 8 (double) where it has more */
    struct h5_raw raw;
};

/* Opens `path` of the open file `file_id`, called `file` in messages, two-dimensional and of numbers. What is
 * compressed with a filter that is not available, or has no columns, fills *e with EX_DATAERR. Returns
 * e->status; end with h5_matrix_close in any case. */
int h5_matrix_open(struct h5_matrix *m, int64_t file_id, const char *file, const char *path, struct error *e);
/* Does nothing to a matrix that is all zero. */
void h5_matrix_close(struct h5_matrix *m);

/* Rows [first, first+n) into out, m->width bytes a number. Read in pieces of some 16 MB. Returns e->status.
 */
int h5_matrix_read(const struct h5_matrix *m, uint64_t first, uint64_t n, void *out, struct error *e);

#endif
