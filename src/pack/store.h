/* From the columns of all ranks to the file. */
#ifndef PACK_STORE_H
#define PACK_STORE_H

#include "comm.h"
#include "harvest.h"

/* Of all ranks. */
struct totals {
    uint64_t rows, items, bad, invalid, bytes;
};

/* Collective. */
struct totals store_totals(struct comm *c, const struct harvest *h);

/* Collective. Write the file `name`. Returns e->status, agreed and printed; on errors a part of it may be
 * there. */
int store_write(struct comm *c, const struct harvest *h, const struct totals *t, const char *name,
                struct error *e);

#endif
