/* What --verbose tells of a job: what was read, how it will be joined, and in how much memory. Not
 * collective. */
#ifndef SAY_H
#define SAY_H

#include "budget.h"
#include "comm.h"
#include "input.h"
#include "lshjoin/plan.h"
#include "options.h"

void say_inputs(struct comm *c, const struct options *o, const struct inputs *in);
void say_plan(struct comm *c, const struct options *o, const struct plan *p);
void say_cut(struct comm *c, const struct options *o, const struct budget *b);

#endif
