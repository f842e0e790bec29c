/* All of MPI. Every function here is collective over the ranks of the job unless it says otherwise; a failing
 * MPI call dies. Counts are 64-bit; what MPI 3.1 can't take in one call is cut into several or dies with the
 * count. */
#ifndef COMM_H
#define COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/base.h"
#include "lshjoin/records.h"
#include "lshjoin/shard.h"

struct comm;

/* Before comm_start, of a program that uses no MPI-IO (which wants a session's directory): where no launcher
 * has started this process, Open MPI is told not to look for networks and daemons, and starts in a fraction
 * of the time. What the environment sets stays. */
void comm_expect_alone(void);
/* MPI_Init_thread (FUNNELED) and a communicator of our own; points die() at MPI_Abort. */
struct comm *comm_start(int *argc, char ***argv);
/* Not collective. The program's name in messages, "lshjoin" without this. */
void comm_name(struct comm *c, const char *program);
/* MPI_Finalize. */
void comm_finish(struct comm *c);

/* Not collective. */
int comm_rank(const struct comm *c);
int comm_size(const struct comm *c);
/* How many ranks are on this rank's node. */
int comm_size_here(struct comm *c);
/* Send a little to everyone, so that MPI has its connections and buffers. */
void comm_greet(struct comm *c);

/* Not collective. Where the bytes are counted that the exchanges have sent to other ranks so far. */
const uint64_t *comm_bytes_sent(const struct comm *c);

/* Not collective. Name and version of the MPI library. */
const char *comm_version(void);

/* Whether any rank holds an error; if so the lowest such rank prints its own, once, and *e gets its status on
 * every rank. To be asked to leave (watch.h) is such an error. */
bool comm_failed(struct comm *c, struct error *e);

/* Element by element over the ranks, in place. */
void comm_sum(struct comm *c, uint64_t *v, uint64_t n);
void comm_min(struct comm *c, uint64_t *v, uint64_t n);
void comm_max(struct comm *c, uint64_t *v, uint64_t n);
void comm_max_double(struct comm *c, double *v, uint64_t n);
/* The sum of v over lower ranks. */
uint64_t comm_sum_before(struct comm *c, uint64_t v);
/* bytes of rank 0, or of another, to all. */
void comm_broadcast(struct comm *c, void *data, uint64_t bytes);
void comm_broadcast_from(struct comm *c, int rank, void *data, uint64_t bytes);
/* The items of all ranks on every rank, to free: first, by rank, the `left` first ones of each, *all_left in
 * all, then the `right` others; *all of them, fewer than 2^31 of a side. */
void *comm_gather(struct comm *c, size_t item, const void *mine, uint64_t left, uint64_t right,
                  uint64_t *all_left, uint64_t *all);
/* n counts from every rank to every rank: received[s*n ...] = what s has at sent[me*n ...]. */
void comm_counts(struct comm *c, const uint64_t *sent, uint64_t *received, uint64_t n);

/* What is received from all ranks, ordered by sender: sent[0..] holds n_sent[d] items for each rank d, one
 * after the other; n_received[s] as comm_counts tells. Frees `sent` and returns an array to free (the very
 * same where the job is one rank). Both totals must stay below 2^31 items. */
void *comm_exchange(struct comm *c, size_t item, void *sent, const uint64_t *n_sent,
                    const uint64_t *n_received);

/* The same for slots: items for rank d stand at sent[d*slot_size]; received into `received`, one after the
 * other, which has room for size*slot_size items. Returns how many came. */
uint64_t comm_exchange_slots(struct comm *c, size_t item, const void *sent, uint64_t slot_size,
                             const uint64_t *n_sent, void *received);

/* Rows of fixed width by their global numbers, in any order, our own among them: out[n][width]. `records` are
 * the rows that this rank answers from. Moves about `most` bytes from and to a rank
 * at once. */
void comm_pick(struct comm *c, const struct shard *shard, const struct records *records, const uint64_t *rows,
               uint64_t n, uint64_t most, void *out);

/* Rows of other ranks, fetched in portions of bounded size. */
struct fetch;

/* Ask for the n rows given by their relative numbers (shard_relative of this rank), strictly rising and none
 * of them our own. `records` are the rows that this rank answers from, held until the end; a portion and what
 * this rank sends for one stay within `most` bytes, or one row. */
struct fetch *comm_fetch_begin(struct comm *c, const struct shard *shard, const struct records *records,
                               const uint64_t *rows, uint64_t n, uint64_t most);
/* The next portion: *rows [*first, *first + portion->n) of those asked for. False when no rank has any left;
 * the portion may be empty on ranks that have theirs already. *portion belongs to the fetch. */
bool comm_fetch_next(struct fetch *f, uint64_t *first, const struct records **portion);
/* Not collective. */
void comm_fetch_end(struct fetch *f);

#endif
