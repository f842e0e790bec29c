/* Files for what does not fit in memory: nobody else sees them, and they are gone when the process is. */
#ifndef LSHJOIN_SCRATCH_H
#define LSHJOIN_SCRATCH_H

#include <stdint.h>

#include "lshjoin/base.h"

struct scratch {
    const char *directory; /* not owned */
    int fd;                /* -1: not there yet */
    uint64_t bytes;        /* written so far */
};

/* A file in `directory`, made when something is first written to it. */
struct scratch scratch_make(const char *directory);
void scratch_close(struct scratch *s);

/* Append. Fills *e with EX_CANTCREAT or EX_IOERR, and the directory. Returns e->status. */
int scratch_append(struct scratch *s, const void *data, uint64_t bytes, struct error *e);
/* Bytes [at, at + bytes) of what was written. Returns e->status, as above. */
int scratch_read(const struct scratch *s, uint64_t at, void *data, uint64_t bytes, struct error *e);

#endif
