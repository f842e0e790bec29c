/* --exact: from this rank's rows to pairs written, without hashing. */
#ifndef EXACT_JOB_H
#define EXACT_JOB_H

#include "comm.h"
#include "input.h"
#include "sink.h"

/* The part of a round that the pairs of a batch may fill. */
enum { EXACT_SHARE = 8 };

/* Whether each left row's own rank finds all its pairs: with --top-k of vectors, where the k-th nearest so
 * far limits the search. In a self-join it then finds (i, j), and (j, i) besides. */
bool exact_is_one_way(const struct options *o, const struct family *family);

/* Collective. Every pair of the inputs that reaches the threshold goes to the sink. Every rank's rows of one
 * side stay, those of the other come by; in a self-join all stay and come by. A step (checkpoint.h) is some
 * of the rows that come by. Returns e->status, agreed. */
int exact_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
               const struct threshold *threshold, struct sink *sink, struct metrics *m, struct error *e);

#endif
