/* Reading a few rows only: what a plan is made from where the data are not to be read. */
#ifndef INPUT_SAMPLE_H
#define INPUT_SAMPLE_H

#include "input.h"
#include "sample.h"

/* Collective. Open the inputs and read the sampled rows alone (sample_has_row): in->records are this rank's
 * part of them, those of the left input first, *left many. in->shard has no rows for ranks; in->largest_norm
 * is that of the sample. Bad vectors are left out. Returns e->status, agreed and printed. */
int inputs_read_sample(struct inputs *in, struct comm *c, struct pool *pool, const struct options *o,
                       uint64_t *left, struct error *e);

#endif
