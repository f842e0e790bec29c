/* The join of the sample alone, by the plan's own hash functions: how many candidates will there be? Bands of
 * other functions would tell what is to be expected on average, which a few values that many rows share make
 * several times larger or smaller than what these bands will give. */
#ifndef REHEARSE_H
#define REHEARSE_H

#include "comm.h"
#include "lshjoin/family.h"
#include "lshjoin/plan.h"
#include "lshjoin/pool.h"
#include "sample.h"

/* Collective. Put p->copies and p->candidates right, and p->seconds with them, where the sample has enough of
 * them to tell; and p->pairs and p->recall_above, where there is a threshold t and the sampled rows are not
 * too large to be compared. */
void rehearse(struct plan *p, const struct survey *s, struct comm *c, struct pool *pool,
              const struct family *family, const struct threshold *t, const struct sample *sample);

#endif
