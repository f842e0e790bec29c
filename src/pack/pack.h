/* The job: from input files to one HDF5 file. */
#ifndef PACK_PACK_H
#define PACK_PACK_H

#include "comm.h"
#include "settings.h"

/* Collective. Returns e->status, agreed and printed. */
int pack_run(struct comm *c, struct settings *s, struct error *e);

#endif
