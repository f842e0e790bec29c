/* Exact joins: every pair at the threshold, without hashing. The rows of one side stay and are prepared once;
 * the rows of the other come by in blocks and meet them. Filters only save work: a pair is kept where the
 * family's `verify` says so, as in a join by hashing, and the value is the same to the last bit. */
#ifndef LSHJOIN_EXACT_H
#define LSHJOIN_EXACT_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/coarse.h"
#include "lshjoin/family.h"
#include "lshjoin/pool.h"
#include "lshjoin/rarity.h"
#include "lshjoin/records.h"
#include "lshjoin/sieve.h"

/* Rows and the number that the first of them has in its input. */
struct exact_rows {
    struct records records; /* borrowed */
    uint64_t first;
};

/* What a join is made of; all of it is borrowed. */
struct exact_plan {
    struct pool *pool;
    const struct family *family;
    struct threshold threshold;
    struct exact_rows stay;
    bool alone;          /* all that will come by stays here, too, and meets as `among` says */
    bool left_stays;     /* what stays are the left ones of pairs, where that matters */
    const double *limit; /* [rows that stay], or NULL: what a pair must reach besides; it may get stricter
                            between calls. Of vectors only. */
    const struct sieve *sieve;   /* of vectors */
    const struct coarse *coarse; /* the same */
    const struct rarity *rarity; /* of sets */
};

/* A block of the other side and whom it meets. */
struct exact_meeting {
    struct exact_rows moving;
    bool among;   /* both sides are the same rows, of which each stays somewhere and moves by: each unordered
                     pair once, in one of the meetings of its two rows, and none with itself */
    bool unequal; /* only pairs of two numbers */
};

/* A pair found: rows by their places in both sides, and what verify gave. */
struct exact_pair {
    uint32_t stay, moving;
    double value;
};

struct exact;

struct exact *exact_create(const struct exact_plan *plan);
void exact_free(struct exact *x);

/* The block of this meeting comes next; its rows are borrowed until the last pair is out. */
void exact_meet(struct exact *x, const struct exact_meeting *meeting);

/* Work on until about `most` pairs are there, or all. They are exceeded by no more than a piece of work for
 * each thread finds: a few rows' pairs of sets, some 2^18 pairs of vectors. Returns them, *n in any order;
 * they belong to x until the next call. *more: whether the meeting is not over. */
const struct exact_pair *exact_next(struct exact *x, uint64_t most, uint64_t *n, bool *more);

/* How much of the meeting is done, from 0 to 1. */
double exact_share(const struct exact *x);

/* Comparisons made so far: of vectors all pairs that met, of sets those that passed the filters. A number
 * that depends on the data and the threshold alone, once all have met. */
uint64_t exact_comparisons(const struct exact *x);

#endif
