/* --exact: from this rank's rows to pairs written, without hashing. */
#ifndef EXACT_JOB_H
#define EXACT_JOB_H

#include "comm.h"
#include "input.h"
#include "output.h"

/* Collective. Every pair of the inputs that reaches the threshold goes to `out`, or, with --top-k, those that
 * are left. Every rank's rows of one side stay, those of the other go around the ring; in a self-join all
 * stay and go, half the way. Returns e->status, agreed. */
int exact_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
               const struct threshold *threshold, struct output *out, struct metrics *m, struct error *e);

#endif
