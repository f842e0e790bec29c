/* Pairs to HDF5: one file a writer, and one virtual file over all of them. Not collective. Failures fill *e
 * with EX_IOERR or EX_CANTCREAT, the file and HDF5's own words. */
#ifndef H5_WRITE_H
#define H5_WRITE_H

#include <stdint.h>

#include "lshjoin/base.h"
#include "pair.h"

struct h5_pairs;
enum { H5_PAIRS_BYTES = 3 << 20 }; /* of memory: pairs held back, and what HDF5 keeps of a file */

/* A new file (one that is there is replaced) with a dataset for each column, one-dimensional, chunked,
 * growing: two of rows (uint64), the value, where there is one ("bands" and "input" are uint16, all others
 * float32), and the rank (uint32). The columns' names outlive the file. Returns NULL and fills *e on failure.
 */
struct h5_pairs *h5_pairs_create(const char *file, const struct pair_columns *columns, struct error *e);
/* Append n pairs (buffered). Returns e->status. */
int h5_pairs_write(struct h5_pairs *p, const struct pair *pairs, uint64_t n, struct error *e);
/* Flush (unless *e holds an error already), close and free. Returns e->status; if 0 the file is whole. */
int h5_pairs_close(struct h5_pairs *p, struct error *e);

/* `file`: virtual datasets of the same over n_files files (names relative to its own directory) of counts[i]
 * pairs each; what a missing source would hold reads as 2^64-1, NaN or 65535. Returns e->status. */
int h5_pairs_virtual(const char *file, const struct pair_columns *columns, char *const *names,
                     const uint64_t *counts, uint64_t n_files, struct error *e);

#endif
