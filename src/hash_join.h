/* From this rank's rows to pairs written, by hashing: signatures, keys to their owners, buckets, candidates
 * to their homes. */
#ifndef HASH_JOIN_H
#define HASH_JOIN_H

#include "comm.h"
#include "input.h"
#include "lshjoin/plan.h"
#include "sink.h"

/* The part of a round's bound that candidates may fill on their way. Sorted and compared at home, they need
 * several times their size. */
enum { HASH_JOIN_SHARE = 8 };

/* Whether copies of a pair wait for each other: where the one that stands for all may have been skipped, or
 * digests would be wide. (A checkpoint needs them told apart at once.) */
bool hash_join_copies_wait(const struct options *o, const struct family *family, const struct drawing *d);

/* Whether a join by the plan can do what is asked for. Returns e->status. Not collective. */
int hash_join_admit(const struct options *o, const struct inputs *in, const struct plan *plan,
                    struct error *e);

/* Collective. What the plan's bands find, and the threshold keeps, goes to the sink. `bands` of them are
 * worked on together; where that is not all, candidates wait in o->scratch until all have been. Returns
 * e->status, agreed. */
int hash_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
              const struct plan *plan, uint32_t bands, const struct threshold *threshold, struct sink *sink,
              struct metrics *m, struct error *e);

#endif
