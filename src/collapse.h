/* Of identical records one stays in the job (duplicates.h). */
#ifndef COLLAPSE_H
#define COLLAPSE_H

#include "cluster.h"
#include "duplicates.h"
#include "input.h"
#include "output.h"

/* Collective. Finds them, leaves the others out of the inputs, and counts them. Free with duplicates_free. */
void collapse(struct duplicates *d, struct comm *c, struct pool *pool, const struct options *o,
              struct inputs *in, struct metrics *m);

/* Collective, with --duplicates groups. Tells those that others stand for, with the first of their groups:
 * the output, and the groups of similar records unless these are NULL. Returns e->status, agreed. */
int collapse_tell(const struct duplicates *d, const struct inputs *in, struct cluster *groups,
                  struct output *out, struct error *e);

#endif
