/* A one-dimensional dataset of integers, read in large pieces. Not collective. */
#ifndef H5_LIST_H
#define H5_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "h5_find.h"
#include "h5_raw.h"
#include "lshjoin/base.h"

struct h5_list {
    const char *file; /* not owned */
    char path[H5_PATH + 8];
    int64_t id;               /* hid_t; 0: not open */
    uint64_t length, chunk;   /* numbers in all, and in a chunk (1 where there are none) */
    size_t size;              /* bytes of a number in the file, at most 8 */
    bool is_signed, is_float; /* the latter only where any number will do */
    struct h5_raw raw;
};

/* Opens `path` of the open file `file_id`, called `file` in messages. What is no list of integers, or
 * compressed with a filter that is not available, fills *e with EX_DATAERR. Returns e->status; end with
 * h5_list_close in any case. */
int h5_list_open(struct h5_list *list, int64_t file_id, const char *file, const char *path, struct error *e);
/* The same for numbers of any kind. */
int h5_list_open_any(struct h5_list *list, int64_t file_id, const char *file, const char *path,
                     struct error *e);
/* Does nothing to a list that is all zero. */
void h5_list_close(struct h5_list *list);

/* Numbers [first, first+n) into out, `width` bytes each (1, 4, 8), signed or not as they are in the file;
 * floating-point ones as doubles.
 * Read in pieces of some 16 MB. Returns e->status. */
int h5_list_read(const struct h5_list *list, uint64_t first, uint64_t n, size_t width, void *out,
                 struct error *e);
/* The same of any numbers, each as the double that is nearest to it. */
int h5_list_read_reals(const struct h5_list *list, uint64_t first, uint64_t n, double *out, struct error *e);

#endif
