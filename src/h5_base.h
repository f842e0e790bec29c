/* What the files that call HDF5 share: its start, and its errors in words a user understands. */
#ifndef H5_BASE_H
#define H5_BASE_H

#include <stdint.h>

#include "lshjoin/base.h"

/* Start HDF5, silent, and such that it does nothing when the process ends: HDF5 1.10 would come back to a
 * file that could not be closed, because the disk is full, and crash. main calls this before MPI starts, for
 * it is MPI_Finalize that ends an HDF5 started later. Repeats do no harm. */
void h5_start(void);

/* Fill *e with "<file>: <what>: <why>" of the HDF5 call that failed last on this thread, before any other
 * call of HDF5. EX_DATAERR becomes EX_IOERR where the system was to blame. Returns e->status. */
int h5_fail(struct error *e, int status, const char *file, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether an open dataset (hid_t) holds its numbers itself, under filters that can be undone here; else
 * EX_DATAERR. */
int h5_check_storage(int64_t dataset, const char *file, const char *path, struct error *e);

/* Name and version of the HDF5 library. */
const char *h5_version(void);

#endif
