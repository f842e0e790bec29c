/* The corpus without the records that a run of lshjoin told to drop. */
#ifndef PACK_DROP_H
#define PACK_DROP_H

#include "comm.h"
#include "settings.h"

/* Collective. Writes the inputs as they are, uncompressed and one after the other, but for the records that
 * the settings' clusters.h5 does not keep, to the output or, without one, to standard output. Records are
 * counted as packing counts them, by the same settings. Returns e->status, agreed and printed. */
int drop_run(struct comm *c, struct settings *s, struct error *e);

#endif
