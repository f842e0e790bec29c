/* The plan of a join by sketches: how large these are, how many bands read how many symbols, and how many
 * symbols a candidate must agree in. As in plan.h nothing may depend on ranks, memory or processor. */
#ifndef LSHJOIN_SKETCH_PLAN_H
#define LSHJOIN_SKETCH_PLAN_H

#include "lshjoin/plan.h"
#include "lshjoin/sketch.h"

/* Symbols of the largest sketches that a family's records get: what a sample is sketched with. */
uint32_t sketch_plan_symbols(const struct family *family);

/* Choose, of p->drawing given the rest, symbols, bands, rows and cut so that a pair at the threshold (whose
 * symbols agree with probability p->agreement) is a candidate with probability `recall` or more, at the least
 * work; and forecast. The sample, drawn by other functions than the join will use, tells how many pairs meet
 * in bands of so many rows, and in how many symbols these agree: `left` of its rows are of the left input.
 * `filter`: with a cut; the more symbols a pair must agree in, the fewer records are compared, at the price
 * of some of what may be missed. s->sampled becomes the number of the sample's pairs; from s->pairs those of
 * rows that pair with nothing are taken. False when no bands do. */
bool sketch_plan_choose(struct plan *p, const struct family *family, struct survey *s, struct pool *pool,
                        const struct sketches *sample, uint64_t left, bool filter, double recall);

/* Leave out of p->drawing, which was chosen, bands that meet many times as many pairs of the sample as most
 * do, and draw others, as many as keep the promise: `sample` is sketched by the functions of the join, with
 * whom a value that many rows share has it by chance that a few bands cost as much as all others. Sets
 * p->recall, by the law of the bands that were drawn. */
void sketch_plan_leave_out(struct plan *p, const struct survey *s, struct pool *pool,
                           const struct sketches *sample, uint64_t left, double recall);

/* Fill in what is to be expected of p->drawing as it is. */
void sketch_plan_forecast(struct plan *p, const struct family *family, struct survey *s, struct pool *pool,
                          const struct sketches *sample, uint64_t left);

#endif
