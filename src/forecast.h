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
    MEMORY_COUNTS,     /* tuples to and from every rank, by band and bin */
    MEMORY_ROUND,      /* tuples sent and received */
    MEMORY_CANDIDATES, /* the batch at home and what is sent there */
    MEMORY_IMAGES,     /* of vectors that are compared often: a byte a coordinate */
    MEMORY_PARTS
};

struct forecast {
    uint64_t ranks;
    uint64_t rounds;
    double sent;                 /* bytes of a rank in all */
    double memory[MEMORY_PARTS]; /* bytes of a rank at most */
    double memory_all;
};

/* On so many ranks. */
struct forecast forecast_make(const struct plan *p, const struct survey *s, const struct family *family,
                              const struct options *o, uint64_t ranks);

/* The plan and the forecast as text. */
void forecast_print(FILE *f, const struct forecast *forecast, const struct plan *p, const struct survey *s,
                    const struct inputs *in, const struct options *o);

#endif
