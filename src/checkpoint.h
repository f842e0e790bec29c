/* What a job keeps to go on from when it is ended in the middle.
 *
 * The work of a job comes in steps that no number of ranks changes: bands, or, with --exact, blocks of rows.
 * When all steps before `next` are done, the pairs found so far and `next` are all that the rest needs. The
 * pairs of a step are kept in files (kept.h) as they come; state.json, which is replaced in one go when every
 * rank has its file, tells which of them count. What else lies there is of a step that was not finished, and
 * is removed.
 *
 * Without --checkpoint there is none, and NULL stands for it: nothing then happens anywhere. */
#ifndef CHECKPOINT_H
#define CHECKPOINT_H

#include "comm.h"
#include "input.h"
#include "lshjoin/metrics.h"
#include "lshjoin/plan.h"
#include "pair.h"

struct checkpoint;

/* Collective. Makes the directory ready, before any work is done: it is made (0700) where it is missing,
 * locked, and refused where it holds a state that the options don't say what to do with. Returns NULL without
 * --checkpoint, or with *e set, agreed and printed. */
struct checkpoint *checkpoint_open(struct comm *c, const struct options *o, struct error *e);
void checkpoint_close(struct checkpoint *k);

/* Collective, while inputs have hashes. Which job this is; on resuming, whether the state is of the same.
 * Returns e->status, agreed. */
int checkpoint_identify(struct checkpoint *k, const struct inputs *in, struct error *e);

/* Collective. On resuming the plan that the job has: true. */
bool checkpoint_has_plan(struct checkpoint *k, struct plan *p, struct survey *s);
/* The plan to keep. */
void checkpoint_plan(struct checkpoint *k, const struct plan *p, const struct survey *s);

/* By rank 0, when nothing but bad luck can hinder the job any more: what is not gone on from is removed. */
void checkpoint_make_way(const struct checkpoint *k);

/* Collective. Pairs of rows below `rows` are going to come. Of a resumed job: what was counted is added to
 * *m. From now on time runs towards the first checkpoint, and who asks to leave must wait for a step to end,
 * a while. */
void checkpoint_begin(struct checkpoint *k, uint64_t rows, struct metrics *m);
/* The first step that is to be done. */
uint64_t checkpoint_next(const struct checkpoint *k);
/* Kept pairs of a resumed job: these shared out to all ranks, up to `most` at a time, until 0 come. Not
 * collective. */
uint64_t checkpoint_read(struct checkpoint *k, struct pair *pairs, uint64_t most, struct error *e);

/* Keep n pairs. Not collective. */
void checkpoint_keep(struct checkpoint *k, const struct pair *pairs, uint64_t n, struct error *e);
/* Collective, where a step ends: whether what is there should be made safe, because it is time to, or
 * somebody asks to leave.
 */
bool checkpoint_is_due(struct checkpoint *k);
/* Collective. All steps before `next` are done, and their pairs kept. `replaces`: the pairs kept since the
 * last commit stand for all before, too. Returns e->status, agreed: EX_TEMPFAIL where somebody has asked to
 * leave. */
int checkpoint_commit(struct checkpoint *k, uint64_t next, bool replaces, struct metrics *m, struct error *e);

/* Collective. The job is done: nothing is left to go on from. */
void checkpoint_remove(struct checkpoint *k);

#endif
