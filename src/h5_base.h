/* What the files that call HDF5 share: its start, and its errors in words a user understands. */
#ifndef H5_BASE_H
#define H5_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/base.h"

/* Start HDF5, silent, and such that it does nothing when the process ends: HDF5 1.10 would come back to a
 * file that could not be closed, because the disk is full, and crash. main calls this before MPI starts, for
 * it is MPI_Finalize that ends an HDF5 started later. From now on links to other files lead nowhere, and
 * filters are loaded only from where HDF5_PLUGIN_PATH points: no input makes us open or run what its user has
 * not named. Repeats do no harm. */
void h5_start(void);

/* Fill *e with "<file>: <what>: <why>" of the HDF5 call that failed last on this thread, before any other
 * call of HDF5. EX_DATAERR becomes EX_IOERR where the system was to blame. Returns e->status. */
int h5_fail(struct error *e, int status, const char *file, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether the HDF5 call that failed last on this thread came to a link to another file. */
bool h5_leads_elsewhere(void);

/* Open (hid_t) the dataset at `path` of the open file `file_id`, called `file` in messages. It holds its
 * numbers itself, under filters that can be undone here, and a small file does not claim to hold very many.
 * Else -1, and *e is filled with EX_DATAERR. */
int64_t h5_dataset_open(int64_t file_id, const char *file, const char *path, struct error *e);

/* Whether the file of an open dataset (hid_t) is as long as it was when it was opened: where it has become
 * shorter, HDF5 reads zeros, and *e is filled with EX_DATAERR. Returns e->status. */
int h5_check_length(int64_t dataset, const char *file, struct error *e);

/* Name and version of the HDF5 library. */
const char *h5_version(void);

#endif
