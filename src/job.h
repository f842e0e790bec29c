/* The job: from inputs to files. */
#ifndef JOB_H
#define JOB_H

#include "comm.h"
#include "options.h"

/* Collective. Runs the whole join. Returns 0 or a status of sysexits.h; the message has then been printed,
 * once. */
int job_run(struct comm *c, const struct options *o);

#endif
