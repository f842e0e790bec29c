/* Pairs that lshjoin wrote to HDF5, read back: one rank's file, or the virtual one over all. Not collective.
 */
#ifndef H5_PAIRS_H
#define H5_PAIRS_H

#include <stdint.h>

#include "lshjoin/base.h"
#include "pair.h"

struct h5_pairs_file {
    const char *file; /* not owned */
    uint64_t n;
    char
        value[32]; /* what the pairs' number is called: similarity, containment, distance, product or bands */
    int64_t file_id, datasets[4]; /* hid_t; 0: not open: left, right, value, rank */
};

/* Open a file of pairs. What is none fills *e with EX_DATAERR. Returns e->status; end with
 * h5_pairs_file_close in any case. */
int h5_pairs_file_open(struct h5_pairs_file *p, const char *file, struct error *e);
/* Does nothing to what is all zero. */
void h5_pairs_file_close(struct h5_pairs_file *p);

/* Pairs first .. first+n-1. Those of a virtual file whose files are gone fill *e with EX_DATAERR. Returns
 * e->status. */
int h5_pairs_file_read(const struct h5_pairs_file *p, uint64_t first, uint64_t n, struct pair *pairs,
                       struct error *e);

#endif
