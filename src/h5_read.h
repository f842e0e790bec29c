/* Sets or vectors in an HDF5 file. Not collective: each rank opens the file by itself, read-only, with HDF5's
 * default driver, which was measured to be as fast as pread and faster than MPI-IO for reading. Mistakes in a
 * file fill *e with EX_DATAERR (file, object, row, what was expected), a file that cannot be opened with
 * EX_NOINPUT, a failing system with EX_IOERR. */
#ifndef H5_READ_H
#define H5_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "h5_find.h"
#include "h5_list.h"
#include "h5_matrix.h"
#include "lshjoin/base.h"

struct h5_records {
    const char *file;     /* not owned */
    char object[H5_PATH]; /* path of the group, or of the dataset */
    const char *kind;     /* "csr", "flat" (both sets) or "dense" (vectors) */
    uint64_t rows;
    uint64_t columns;  /* dense: coordinates of a row */
    uint64_t elements; /* stored: the length of `indices`, or of the flat dataset; or rows * columns */
    size_t width;      /* bytes of an element as we keep it: 4 or 8 */
    char distance[32]; /* the file's attribute of that name, by which ann-benchmarks tells the metric; or
                          empty */
    int64_t file_id;   /* hid_t; 0: not open */
    struct h5_list offset_list, element_list; /* of sets */
    struct h5_list weight_list;               /* of weighted sets */
    struct h5_matrix matrix;                  /* of vectors */
};

/* Whether the file has HDF5's signature. False too where it cannot be read. */
bool h5_is_hdf5(const char *file);

/* Open a file to read, without a lock (HDF5_USE_FILE_LOCKING in the environment has the last word): *id
 * (hid_t) is 0 where that fails. Returns e->status. */
int h5_file_open(int64_t *id, const char *file, struct error *e);
/* Does nothing where *id is 0, and makes it so. */
void h5_file_close(int64_t *id);

/* Open the records at `object` (a group with indptr and indices, a flat dataset D beside size_D, or a dense
 * dataset), if they are what is wanted, or, where it is NULL, those that the file has: see h5_find. Checks
 * types, ranks, lengths, encoding and filters. Returns e->status; on success end with h5_records_close. */
int h5_records_open(struct h5_records *s, const char *file, const char *object, enum h5_content wanted,
                    struct error *e);
/* Does nothing to records that are all zero. */
void h5_records_close(struct h5_records *s);

/* length[0 .. n-1] of rows first .. first+n-1, as stored (repeats included). For csr: `indptr` must start at
 * 0, not fall, and not end beyond `indices`; what is wrong is told with its row. For flat: no size is
 * negative, and these rows do not add up to more than there are elements; whether all rows do is for
 * h5_records_check_total. */
int h5_records_lengths(struct h5_records *s, uint64_t first, uint64_t n, uint64_t *length, struct error *e);

/* Where the elements of a row begin in the file's flat list, and how many it has, with the checks of
 * h5_records_lengths. Not for flat sets, where all sizes before it would have to be read. */
int h5_records_place(const struct h5_records *s, uint64_t row, uint64_t *begin, uint64_t *length,
                     struct error *e);

/* The lengths of all rows add up to `total`: whether the elements are that many (flat; csr may hold more). */
int h5_records_check_total(const struct h5_records *s, uint64_t total, struct error *e);

/* Elements [first, first+n) of the file's flat list (dense: whole rows) into out, s->width bytes each,
 * unsigned integers or floating-point. Read in pieces of some 16 MB. *bad is UINT64_MAX, or the position in
 * the list of a negative element: then EX_DATAERR is returned, but *e is left to the caller, who knows the
 * row; the number stands in `out` as a signed one. */
int h5_records_elements(struct h5_records *s, uint64_t first, uint64_t n, void *out, uint64_t *bad,
                        struct error *e);

/* Weighted sets: the weights of elements [first, first+n). */
int h5_records_weights(struct h5_records *s, uint64_t first, uint64_t n, double *out, struct error *e);

#endif
