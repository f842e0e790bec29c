/* What a job will need and give, told before it runs. */
#ifndef FORECAST_H
#define FORECAST_H

#include <stdint.h>
#include <stdio.h>

#include "input.h"
#include "lshjoin/plan.h"
#include "options.h"

enum memory_part {
    MEMORY_PROGRAM, /* MPI, HDF5, and what is read through */
    MEMORY_RECORDS,
    MEMORY_SKETCHES,
    MEMORY_KEYS,
    MEMORY_DIGESTS,    /* symbols or keys by record, where copies of a pair come in several batches */
    MEMORY_INDEX,      /* of --exact: images of vectors, prefixes and parities of sets */
    MEMORY_OLD,        /* of indexes: sketches and hashes, and of a band the lists and what is found there */
    MEMORY_COUNTS,     /* tuples to and from every rank, by band and bin */
    MEMORY_ROUND,      /* tuples sent and received, and their buckets */
    MEMORY_CANDIDATES, /* the batch at home and what is sent there */
    MEMORY_IMAGES,     /* of vectors that are compared often: a byte a coordinate */
    MEMORY_FETCHED,    /* records of other ranks */
    MEMORY_PAIRS,      /* found, and what --top-k keeps */
    MEMORY_OUTPUT,     /* pairs on their way to files */
    MEMORY_GROUPS,     /* of --clusters: a forest of the rows seen, or their pairs; what the rows become */
    MEMORY_PARTS
};

/* What a rank holds: the most that any does, or a mean. */
struct load {
    uint64_t ranks;
    double rows, left, items; /* `left` rows are of the left input, in a self-join all */
    size_t item;
    double old_kept, old_keys, old_lists; /* of indexes: bytes that stay, a band's keys of all ranks together,
                                             and the bytes of their lists */
};

/* How a join is cut. */
struct cut {
    uint64_t round_bytes; /* what a rank sends or receives at once */
    uint32_t bands;       /* whose words are made together */
};

struct forecast {
    uint64_t ranks;
    uint64_t rounds;
    double sent;                 /* bytes of a rank in all */
    double memory[MEMORY_PARTS]; /* bytes of a rank at most */
    double memory_all;
};

/* What a survey's rows are for each of so many ranks. */
struct load forecast_load(const struct survey *s, uint64_t ranks);

/* Bytes of a rank by parts. Of a plan whose copies, candidates and pairs are INFINITY it is the most that
 * there can be. */
void forecast_memory(double memory[MEMORY_PARTS], const struct load *load, const struct plan *p,
                     const struct family *family, const struct options *o, const struct cut *cut);

/* On so many ranks. */
struct forecast forecast_make(const struct plan *p, const struct survey *s, const struct family *family,
                              const struct options *o, uint64_t ranks, const struct cut *cut);

/* The plan and the forecast as text. */
void forecast_print(FILE *f, const struct forecast *forecast, const struct plan *p, const struct survey *s,
                    const struct inputs *in, const struct options *o);

#endif
