/* --deleted: old records that pair with nothing any more. */
#ifndef DELETED_H
#define DELETED_H

#include "comm.h"
#include "input.h"

/* Collective, once the inputs are read. Old records that the file names, by numbers as pairs name them or,
 * with
 * --ids, by ids, are left out: of those that ranks hold, or in the indexes. A line that names no old record
 * is an error (EX_DATAERR). Returns e->status, agreed. */
int deleted_take(struct comm *c, struct pool *pool, const struct options *o, struct inputs *in,
                 struct error *e);

#endif
