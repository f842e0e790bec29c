/* What the files that call HDF5 share: its errors, in words a user understands. */
#ifndef H5_BASE_H
#define H5_BASE_H

#include "lshjoin/base.h"

/* Keep HDF5 from printing its stack of errors. To be called before the first other call of HDF5; repeats do
 * no harm. */
void h5_quiet(void);

/* Fill *e with "<file>: <what>: <why>" of the HDF5 call that failed last on this thread, before any other
 * call of HDF5. EX_DATAERR becomes EX_IOERR where the system was to blame. Returns e->status. */
int h5_fail(struct error *e, int status, const char *file, const char *what, ...)
    __attribute__((format(printf, 4, 5)));

/* Name and version of the HDF5 library. */
const char *h5_version(void);

#endif
