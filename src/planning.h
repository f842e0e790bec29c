/* The plan of a job: given bands and rows, or those that its threshold and recall need. */
#ifndef PLANNING_H
#define PLANNING_H

#include "comm.h"
#include "input.h"
#include "lshjoin/plan.h"
#include "lshjoin/pool.h"
#include "options.h"

/* Collective. What the options give is taken as it is; what they leave open is chosen by rank 0 from a sample
 * of the rows in memory, of which *s then tells, and the same on all ranks. Returns e->status, agreed and
 * printed. */
int planning_make(struct plan *p, struct survey *s, struct comm *c, struct pool *pool,
                  const struct options *o, const struct inputs *in, struct error *e);

/* Collective. The same for a dry run, with everything that is to be expected: reads a sample only. *in is
 * filled as by inputs_read_sample, *s with what the sample told, for the rows that are here or assumed. */
int planning_dry(struct plan *p, struct survey *s, struct inputs *in, struct comm *c, struct pool *pool,
                 const struct options *o, struct error *e);

#endif
