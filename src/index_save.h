/* --save-index: what later runs need of this one's records (index.h). */
#ifndef INDEX_SAVE_H
#define INDEX_SAVE_H

#include "comm.h"
#include "input.h"
#include "lshjoin/metrics.h"
#include "lshjoin/plan.h"

/* Collective, when the output is prepared: the directory is made where it is missing, and refused where it
 * holds an index already, unless --force is given, or --resume, or where another run is writing. Ends in
 * comm_failed. Returns the descriptor that keeps other runs away, to be closed at the end; -1 without one. */
int index_save_prepare(struct comm *c, const struct options *o, const struct indexes *old, struct error *e);

/* Collective, before anything is replaced: whether these records can be saved by the plan, and, on resuming,
 * whether an index that is there is the job's own, which it had finished: of these records, by this plan. No
 * other is replaced without --force. Returns e->status, agreed. Does nothing without --save-index. */
int index_save_admit(struct comm *c, const struct options *o, const struct inputs *in,
                     const struct plan *plan, struct error *e);

/* Collective, while inputs have hashes and identical records have not been looked for: all records are in the
 * index. `bands` of words are worked on together. The file is written under a temporary name, and named when
 * it is whole.
 * Returns e->status, agreed. */
int index_save(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
               const struct plan *plan, uint32_t bands, struct metrics *m, struct error *e);

#endif
