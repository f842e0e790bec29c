/* A new HDF5 file that all ranks write together, through MPI-IO. Everything here is collective, and ends in
 * comm_failed: an error of one rank is every rank's, printed, with e->status returned. Files are the same for
 * every number of ranks. */
#ifndef H5_CREATE_H
#define H5_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"

struct h5_new;

/* Types of numbers in the file; those in memory are the same. */
enum h5_type {
    H5_UINT8,
    H5_INT8,
    H5_UINT16,
    H5_UINT32,
    H5_UINT64,
    H5_INT64,
    H5_FLOAT16,
    H5_FLOAT32,
    H5_FLOAT64
};
uint64_t h5_type_bytes(enum h5_type type);

/* NULL on failure, with EX_CANTCREAT in *e. What bears the name already is left as it is:
 * whoever put it there could lead us elsewhere. */
struct h5_new *h5_new_create(struct comm *c, const char *file, struct error *e);
/* The same for lists that are looked at in place: each begins where any number may. */
struct h5_new *h5_new_create_aligned(struct comm *c, const char *file, struct error *e);
/* Attributes of the root. */
int h5_new_text(struct h5_new *f, const char *name, const char *value, struct error *e);
int h5_new_number(struct h5_new *f, const char *name, uint64_t value, struct error *e);

/* A dataset and what this rank has of it. */
struct h5_part {
    const char *path; /* groups on the way are made */
    enum h5_type type;
    int rank; /* 1, or 2: rows of `width` numbers */
    uint64_t rows, width;
    uint64_t first, n; /* rows [first, first+n) are this rank's; all ranks' together are all rows */
    int gzip;          /* 0: not compressed */
    bool in_one;       /* not in chunks: all of it lies in one stretch of the file */
    uint64_t memory;   /* a rank may hold so many bytes, or one chunk, at a time */
    /* Gives rows [at, at+n) of this rank's n into out. Returns e->status. */
    int (*fill)(void *ctx, uint64_t at, uint64_t n, void *out, struct error *e);
    void *ctx;
};
/* Where there are several ranks, room for it is reserved first, as for one that is not compressed. */
int h5_new_dataset(struct h5_new *f, const struct h5_part *part, struct error *e);

/* The same in one stretch, and beside it, in PATH.sums, the sums (seal.h) of its blocks, for h5_sealed.h. */
int h5_new_sealed(struct h5_new *f, const struct h5_part *part, struct error *e);

/* Close and free. Unless *e holds an error already, it is filled where the file could not be finished. */
int h5_new_close(struct h5_new *f, struct error *e);

#endif
