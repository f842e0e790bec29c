/* When which rank was at what, for Perfetto and Chrome: a JSON array of complete events, a process for each
 * rank. A rank's clock starts with its job, so that clocks of several machines need not agree. */
#ifndef TRACE_H
#define TRACE_H

#include "comm.h"
#include "lshjoin/metrics.h"
#include "options.h"

struct indexes;
struct trace;

/* Collective. Rank 0 makes the file of --trace, under a temporary name until it is whole; one that is there
 * is replaced if that is asked for, and an input never. NULL, and *e filled, agreed and printed, if that
 * fails. */
struct trace *trace_open(struct comm *c, const struct options *o, const struct indexes *old, struct error *e);
/* Collective. All ranks' spans. Returns e->status, agreed and printed. */
int trace_write(struct trace *t, const struct metrics *m, struct error *e);
/* Removes what was not written. Does nothing to NULL. */
void trace_close(struct trace *t);

#endif
