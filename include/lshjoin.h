/* lshjoin as a library: find the similar pairs among records that a program holds in memory, on the ranks of
 * a communicator of its own. For C and C++; link with liblshjoin and MPI.
 *
 *     lshjoin *join = lshjoin_create(MPI_COMM_WORLD);
 *     lshjoin_set(join, "threshold", "0.8");
 *     lshjoin_add_sets(join, n, offset, element);
 *     if (lshjoin_run(join, take, &pairs))
 *         fprintf(stderr, "%s\n", lshjoin_message(join));
 *     lshjoin_free(join);
 *
 * Every rank makes the same calls with the same options and its own records. Rows are numbered through over
 * the ranks: those of rank 0 come first. The pairs found are those that the program lshjoin finds with these
 * options and rows, whatever the number of ranks.
 *
 * MPI must be initialised, with MPI_THREAD_FUNNELED or more, and all calls come from the main thread.
 * Functions that return an int return 0 or a status of sysexits.h (EX_USAGE 64, EX_DATAERR 65 ...); the first
 * failure is kept, and later calls return it. Only a failing system (no memory, a failing MPI) ends the
 * program, by MPI_Abort and with a message: there is nothing left to return to. */
#ifndef LSHJOIN_H
#define LSHJOIN_H

#include <mpi.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lshjoin lshjoin;

/* Collective over `comm`, which is duplicated. Never NULL. */
lshjoin *lshjoin_create(MPI_Comm comm);
/* Collective. Does nothing to NULL. */
void lshjoin_free(lshjoin *join);

/* An option of the command line (see lshjoin(1)) by its long name without dashes: "threshold", "recall",
 * "metric", "top-k", "threads" ... `value` is NULL for those that take none ("exact"). Options of files and
 * of what is printed are refused. Values are checked by lshjoin_run. */
int lshjoin_set(lshjoin *join, const char *option, const char *value);

/* This rank's records, all sets or all vectors, in the next input: the first call's are joined with
 * themselves, or, after a second call, with the second's. n may be 0. The arrays are not copied before
 * lshjoin_run, and not changed.
 *
 * Sets: set i holds element[offset[i]] .. element[offset[i+1]-1], in any order; repeats count once. offset
 * has n+1 numbers, the first 0. Vectors: n rows of `width` coordinates, the same on all ranks. */
int lshjoin_add_sets(lshjoin *join, uint64_t n, const uint64_t *offset, const uint64_t *element);
int lshjoin_add_vectors(lshjoin *join, uint64_t n, uint64_t width, const float *coordinate);

typedef struct lshjoin_pair {
    uint64_t left, right; /* rows; in a self-join left < right, but with top-k, and of containment, where left
                             is in right; of two inputs each its own */
    double value;         /* similarity, containment, distance (l2), product (ip), or bands that collided (no
                             threshold) */
    uint64_t rank;        /* with top-k: of the right row among the left one's nearest, from 1; else 0 */
} lshjoin_pair;

/* Takes some of the pairs that were found on this rank, each once over all ranks, in no order. May not call
 * MPI. What is not 0 ends the join, on all ranks, with this status. */
typedef int lshjoin_take(void *context, const lshjoin_pair *pairs, uint64_t n);

/* Collective. Join. `take` may be NULL. A second run needs a new join. */
int lshjoin_run(lshjoin *join, lshjoin_take *take, void *context);

/* After a run with the option "clusters": for the rows of this rank, in the order in which they were added,
 * the smallest row of each one's group (the rows of a second input numbered behind those of the first), and
 * whether it is the one that is kept of it (1 or 0). NULL without. They live as long as the join. */
const uint64_t *lshjoin_labels(const lshjoin *join);
const uint8_t *lshjoin_kept(const lshjoin *join);

/* What went wrong, the same on every rank after lshjoin_run, or "". Lives as long as the join. */
const char *lshjoin_message(const lshjoin *join);

/* "0.1.0" */
const char *lshjoin_version(void);

#ifdef __cplusplus
}
#endif

#endif
