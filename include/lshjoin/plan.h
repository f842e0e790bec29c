/* From a threshold and a recall to bands and rows: what finds enough at the least work.
 *
 * A plan decides which pairs are found, so it follows from the data, the threshold and the recall alone, and
 * work is counted in fixed rates: never in ranks, memory or what this processor is good at. */
#ifndef LSHJOIN_PLAN_H
#define LSHJOIN_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/base.h"
#include "lshjoin/family.h"
#include "lshjoin/metrics.h"

enum {
    PLAN_VALUES = 128,           /* hash values by which sampled pairs are compared */
    PLAN_MOST_BANDS = UINT16_MAX /* of a plan */
};

/* Pairs by how many of these agree. */
typedef uint64_t plan_tally[PLAN_VALUES + 1];

/* What is known of the data. */
struct survey {
    bool self_join;
    uint64_t rows, asking; /* of all inputs; those that would probe */
    uint64_t items;        /* of all inputs: elements or coordinates */
    size_t item;           /* bytes of one */
    double pairs;          /* that there could be */
    uint64_t sampled;      /* pairs that were compared */
    plan_tally agreeing;   /* sampled pairs by how many of their values agree */
};

struct plan {
    struct drawing drawing;
    double agreement; /* probability that a hash value of a pair at the threshold agrees; 0: no threshold */

    /* By plan_forecast. */
    double recall;                    /* of a pair at the threshold; with probes a lower bound */
    double recall_above;              /* of all pairs at or above it, expected */
    double copies, candidates, pairs; /* expected: pairs met in bands, different ones, at the threshold (none:
                                         the candidates) */
    double masks;                     /* of sketches: bands looked at to find the lowest one of a pair */
    double seconds[STAGES], exact;    /* on one core of the processor the rates are from; of --exact */
};

/* Fill in what is to be expected of p->drawing at p->agreement. */
void plan_forecast(struct plan *p, const struct family *family, const struct survey *s);

/* The seconds of p->drawing, and p->copies, p->candidates and p->pairs, as they are. */
void plan_seconds(struct plan *p, const struct family *family, const struct survey *s);

/* Their sum. */
double plan_work(const struct plan *p);

/* Choose bands, rows, pool and probes, of drawing given the rest, so that a pair at the threshold (of that
 * agreement) is found with probability `recall` or more, at the least work by plan_forecast; and forecast.
 * EX_USAGE when no bands do, `most_bands` at most. */
int plan_choose(struct plan *p, const struct family *family, const struct survey *s, double threshold,
                double recall, uint32_t most_bands, struct error *e);

#endif
