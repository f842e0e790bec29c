/* The job: from inputs to files. */
#ifndef JOB_H
#define JOB_H

#include "comm.h"
#include "options.h"

/* Collective. Runs the whole join. Returns e->status, agreed and printed, once. */
int job_run(struct comm *c, const struct options *o, struct error *e);

#endif
