/* What differs between kinds of data: how records are signed, and how two of them are compared. Everything
 * after the signature sees only bands: a few words of 32 bits that hold a band's symbols, equal where the
 * records collide in it. */
#ifndef LSHJOIN_FAMILY_H
#define LSHJOIN_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/drawing.h"
#include "lshjoin/jaccard.h"
#include "lshjoin/records.h"

/* From which similarity on (or, of a distance, up to where) a pair is kept. */
struct threshold {
    struct fraction exact;
    double value;
};

struct family_run;

struct family {
    const char *metric;     /* as on the command line */
    const char *value;      /* what a verified pair's number is called in the output */
    bool smaller_is_nearer; /* value is a distance */
    bool is_of_vectors;     /* records are rows of floating-point coordinates, all of one length; else sets */
    bool is_weighted;       /* records are weighted sets (weighted.h) */
    bool refuses_zero;      /* a vector of zeros has no place in it */
    bool is_directed;       /* the value is of the left record in the right one: pairs are ordered, and in a
                               self-join (i, j) and (j, i) are two */

    /* A record's words come in variants. Variant 0 is what it stores, the others are what it asks for: its
     * `probes`, best first, and before them, where asking and storing differ, its own. Two records meet where
     * one asks for what the other stores, and, unless asking and storing differ, where both store the same.
     */
    bool is_asymmetric;

    bool skips_bands; /* where a band's words are all 0 the record takes no part in it */

    /* Words that a band of `rows` symbols fills. */
    uint32_t (*words)(uint32_t rows);

    /* How many probes a band of `rows` symbols has in all (at least UINT32_MAX: that). NULL: the family is
     * not probed. */
    uint32_t (*probes)(uint32_t rows);

    /* The probability that a hash value, or a sketch's symbol, of a pair agrees at that similarity (or
     * distance). */
    double (*agreement)(double value, const struct drawing *d);

    /* Of a family that probes: two vectors [2][2] at that similarity, for trying out. */
    void (*pair_at)(double value, const struct drawing *d, float *pair);

    /* A signer of records like these (their item and width). */
    void *(*create)(const struct drawing *d, const struct records *like);
    void (*destroy)(void *signer);

    /* The words of rows [lo, hi): words[hi-lo][variants][bands * words of a band], of the rows from `asking`
     * on only those of what they store. pairs[i] false: record lo+i pairs with nothing. */
    void (*sign)(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t asking,
                 uint32_t *words, bool *pairs);

    /* Bits of a symbol where records can be sketched (sketch.h), else 0. */
    uint32_t symbol_bits;

    /* The sketches of rows [lo, hi): words[hi-lo][pool * symbol_bits / 64], symbol k of a record in bits
     * [k * symbol_bits, (k+1) * symbol_bits) of its words, the lowest first. pairs[i] false: record lo+i
     * pairs with nothing, and its words are 0. */
    void (*sketch)(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t *words,
                   bool *pairs);

    /* Whether the records a and b (na, nb items of `item` bytes), where that matters the left one first, are
     * as near as the threshold asks; *value is meant only then. */
    bool (*verify)(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                   size_t item, double *value);

    /* The same for one record with n rows of r, where that is faster for FAMILY_RUN rows or more than one by
     * one: their values, NaN where they are not near enough. Else NULL. */
    void (*verify_run)(const struct threshold *t, const struct family_run *run, double *value);
};

/* A record and the rows that it is compared with. Records have numbers, by which a thread may know them
 * again. */
struct family_run {
    const void *record;
    uint64_t items, number;
    const struct records *records;
    uint64_t first; /* the number of row 0 */
    const uint64_t *rows;
    uint64_t n;
    struct deltas *deltas; /* the thread's */
};

enum { FAMILY_RUN = 5 };

extern const struct family family_jaccard;          /* sets, by MinHash */
extern const struct family family_weighted_jaccard; /* weighted sets, by darts */
extern const struct family family_containment;      /* sets, one in the other */
extern const struct family family_cosine;           /* vectors, by sign random projections */
extern const struct family
    family_ip; /* vectors, inner product, by sign random projections of their transforms */
extern const struct family family_l2; /* vectors, by p-stable projections */

static inline uint32_t family_variants(const struct family *f, const struct drawing *d) {
    return 1 + f->is_asymmetric + d->probes;
}

/* The family of that metric, or NULL. */
const struct family *family_find(const char *metric);

#endif
