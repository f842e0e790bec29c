/* What a run tells at its end: run.json and a summary. */
#ifndef REPORT_H
#define REPORT_H

#include "budget.h"
#include "comm.h"
#include "input.h"
#include "lshjoin/metrics.h"
#include "lshjoin/plan.h"
#include "options.h"
#include "output.h"

/* Collective. Gathers the metrics of all ranks (sums of counts, the slowest and the largest of the rest);
 * rank 0 writes run.json where there is an output directory, and the summary unless --quiet. Returns
 * e->status, agreed and printed. */
int report_write(struct comm *c, const struct options *o, const struct inputs *in, const struct plan *plan,
                 const struct survey *survey, const struct budget *b, const struct output *out,
                 struct metrics *m, struct error *e);

#endif
