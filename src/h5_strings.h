/* Strings in an HDF5 file: a group with indptr, where each begins in bytes, as ids and names are kept. Not
 * collective. */
#ifndef H5_STRINGS_H
#define H5_STRINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "h5_list.h"

struct h5_strings {
    uint64_t n; /* 0 too where there is no such group */
    struct h5_list indptr, bytes;
};

/* Whether there is such an object, by a path without links that lead nowhere. */
bool h5_exists(int64_t file_id, const char *path);

/* Open the strings of `group` in the open file `file_id`, called `file` in messages. A group that is missing
 * has no strings; one that holds something else fills *e with EX_DATAERR. Returns e->status; end with
 * h5_strings_close in any case. */
int h5_strings_open(struct h5_strings *s, int64_t file_id, const char *file, const char *group,
                    struct error *e);
/* Does nothing to strings that are all zero. */
void h5_strings_close(struct h5_strings *s);

/* String i < s->n, at most `most` bytes of it, ended by a zero, to free; *length: of the whole. NULL where *e
 * is filled. */
char *h5_strings_read(const struct h5_strings *s, uint64_t i, uint64_t most, uint64_t *length,
                      struct error *e);

#endif
