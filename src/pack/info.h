/* lshpack --info: what lshjoin would see in a file. */
#ifndef PACK_INFO_H
#define PACK_INFO_H

#include "comm.h"
#include "lshjoin/base.h"

/* Collective. Rank 0 reads `input` (file.h5 or file.h5:/path) and prints what records it holds, how they are
 * stored, and what looks wrong, on standard output. What lshjoin would refuse fills *e as it does there,
 * after what could be told. Returns e->status, agreed and printed. */
int info_run(struct comm *c, const char *input, struct error *e);

#endif
