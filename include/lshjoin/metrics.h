/* What a run counts and how long its stages take; what it tells while it runs. */
#ifndef LSHJOIN_METRICS_H
#define LSHJOIN_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/histogram.h"

enum stage {
    STAGE_READ,
    STAGE_PLAN,
    STAGE_DUPLICATES, /* identical records found */
    STAGE_SIGN,
    STAGE_EXCHANGE, /* keys to their owners */
    STAGE_GROUP,
    STAGE_CANDIDATES, /* pairs enumerated, sent home and made unique */
    STAGE_VERIFY,
    STAGE_WRITE,
    STAGE_CLUSTER,
    STAGES
};

extern const char *const stage_name[STAGES];

enum counter {
    COUNT_EMPTY,           /* records that pair with nothing */
    COUNT_SKIPPED,         /* bad rows left out */
    COUNT_ELEMENTS,        /* after repeats are dropped */
    COUNT_DUPLICATES,      /* records that an identical one stands for */
    COUNT_GROUPS,          /* those that stand for others */
    COUNT_HASHES,          /* hash values computed */
    COUNT_SENT,            /* bytes handed to exchanges for other ranks */
    COUNT_TUPLES,          /* (key, row) received */
    COUNT_SKIPPED_BUCKETS, /* larger than --max-bucket */
    COUNT_SKIPPED_PAIRS,   /* that those have, once for every band */
    COUNT_COPIES,          /* pairs enumerated, once for every band they collide in */
    COUNT_CANDIDATES,      /* different ones */
    COUNT_PAIRS,           /* found */
    COUNT_DROPPED,         /* records of groups that are not kept */
    COUNTERS
};

/* How progress is told: rewriting one line of a terminal; or a line a minute; or this and one for each part
 * of the job that begins. */
enum progress { PROGRESS_NONE, PROGRESS_TERMINAL, PROGRESS_LOG, PROGRESS_PHASES };

/* A time that a rank was at a stage, in seconds since it began. */
struct span {
    double begin, end;
    uint64_t sent; /* bytes */
    enum stage stage;
};

struct metrics {
    double seconds[STAGES];
    uint64_t sent[STAGES]; /* bytes to other ranks, where `wire` counts them */
    uint64_t count[COUNTERS];
    uint64_t rounds, batches;
    uint64_t checkpoints, resumed; /* made; steps that an earlier run of the job had done */
    uint64_t buckets[33];          /* [k]: buckets with 2^k <= size < 2^(k+1), k >= 1 */
    uint64_t largest_bucket;
    struct histogram values; /* of the pairs that are told */
    uint64_t groups[41];     /* of similar records; [k]: groups with 2^k <= size < 2^(k+1) */
    uint64_t largest_group, cluster_rounds;
    double begin, since;
    enum stage stage;
    const uint64_t *wire; /* bytes sent so far, or NULL; not owned */
    uint64_t sent_before; /* this stage */

    bool has_spans; /* spans are kept: the longest, where they are too many */
    uint64_t n_spans;
    struct span *span;
    double least_span; /* seconds; shorter ones are forgotten */

    enum progress progress;
    double shown, phase_begin;
    const char *phase, *unit;
    const char *program; /* NULL: lshjoin; not owned */
};

/* `wire` may be NULL. */
void metrics_begin(struct metrics *m, enum progress progress, const uint64_t *wire);

/* How this rank tells its progress: rank 0 on a terminal, or else in the log. */
enum progress metrics_choose(int rank, bool is_quiet, bool is_wanted);

/* Spans are kept from now on. */
void metrics_keep_spans(struct metrics *m);

/* The time since the last call goes to the stage that was running; `stage` runs from now on. */
void metrics_stage(struct metrics *m, enum stage stage);

/* A part of the job begins whose progress is told in `unit`. */
void metrics_phase(struct metrics *m, const char *phase, const char *unit);

/* Tell, if it is time to, that `share` (0 to 1) of the phase is done, `done` units so far. */
void metrics_progress(struct metrics *m, double share, uint64_t done);

/* Stop the clock and wipe the progress line. */
void metrics_end(struct metrics *m);
/* Free the spans. */
void metrics_free(struct metrics *m);

#endif
