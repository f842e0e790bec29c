/* What the rows of a file are like: one pass over all of them. */
#ifndef PACK_SURVEY_H
#define PACK_SURVEY_H

#include <stdint.h>

#include "h5_read.h"
#include "lshjoin/base.h"

struct survey {
    uint64_t elements; /* of all rows */
    /* sets */
    uint64_t empty;                          /* rows */
    uint64_t shortest, median, p99, longest; /* sizes as stored; median and p99 by nearest rank */
    uint64_t unsorted, repeating;            /* rows that do not rise; that rise, but not strictly */
    uint64_t least, greatest;                /* elements */
    /* vectors */
    uint64_t refused, zero;           /* rows: not finite, or longer than 1e30; without a direction */
    double least_norm, greatest_norm; /* of those that are not refused */
};

/* Look at all rows of s, a few MB at a time. What lshjoin would refuse fills *e as it does there. Returns
 * e->status. */
int survey_rows(struct survey *survey, struct h5_records *s, struct error *e);

#endif
