/* What a run counts and how long its stages take; what it tells while it runs. */
#ifndef LSHJOIN_METRICS_H
#define LSHJOIN_METRICS_H

#include <stdbool.h>
#include <stdint.h>

enum stage {
    STAGE_READ,
    STAGE_SIGN,
    STAGE_EXCHANGE, /* keys to their owners */
    STAGE_GROUP,
    STAGE_CANDIDATES, /* pairs enumerated, sent home and made unique */
    STAGE_VERIFY,
    STAGE_WRITE,
    STAGES
};

extern const char *const stage_name[STAGES];

enum counter {
    COUNT_EMPTY,      /* records that pair with nothing */
    COUNT_SKIPPED,    /* bad rows left out */
    COUNT_ELEMENTS,   /* after repeats are dropped */
    COUNT_HASHES,     /* hash values computed */
    COUNT_SENT,       /* bytes handed to exchanges for other ranks */
    COUNT_TUPLES,     /* (key, row) received */
    COUNT_COPIES,     /* pairs enumerated, once for every band they collide in */
    COUNT_CANDIDATES, /* different ones */
    COUNT_PAIRS,      /* found */
    COUNTERS
};

/* How progress is told: rewriting one line of a terminal, or a line a minute. */
enum progress { PROGRESS_NONE, PROGRESS_TERMINAL, PROGRESS_LOG };

struct metrics {
    double seconds[STAGES];
    uint64_t count[COUNTERS];
    uint64_t rounds, batches;
    uint64_t buckets[33]; /* [k]: buckets with 2^k <= size < 2^(k+1), k >= 1 */
    uint64_t largest_bucket;
    double begin, since;
    enum stage stage;

    enum progress progress;
    double shown; /* when it was told last */
    double share; /* of the whole job that is done: 0 to 1, 0 while it cannot be told */
    uint64_t done;
    const char *unit;
};

void metrics_begin(struct metrics *m, enum progress progress);

/* The time since the last call goes to the stage that was running; `stage` runs from now on. Tells progress
 * when it is time to. */
void metrics_stage(struct metrics *m, enum stage stage);

/* What to tell from now on: `share` (0 to 1) of the whole job is done, `done` of `unit` so far. */
void metrics_progress(struct metrics *m, double share, uint64_t done, const char *unit);

/* Stop the clock and wipe the progress line. */
void metrics_end(struct metrics *m);

/* Peak resident memory of this process in bytes. */
uint64_t metrics_peak_memory(void);

/* Whether standard error reaches a terminal: ours, or that of the parent process, since mpirun passes on what
 * we write. */
bool metrics_on_terminal(void);

#endif
