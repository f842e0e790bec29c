/* From what was asked for to groups in a file. */
#ifndef CLUSTER_JOB_H
#define CLUSTER_JOB_H

#include "cluster.h"
#include "input.h"
#include "output.h"

/* The first block is given; the rest is its own. Rows of two inputs are numbered through, those of the second
 * behind those of the first. */
struct cluster_job {
    struct comm *comm;
    const struct options *options;
    const struct inputs *in;
    struct metrics *metrics;

    struct cluster cluster;
    uint64_t *score;
};

/* Collective. Ready to take pairs: reads the scores that tell which record of a group is kept. A dataset that
 * is not of the records fills *e. Returns e->status, agreed and printed; end with cluster_job_close in any
 * case. */
int cluster_job_open(struct cluster_job *j, struct error *e);
/* Collective. All pairs have come: find the groups, count them, and write clusters.h5 with all ranks. Returns
 * e->status, agreed and printed. */
int cluster_job_write(struct cluster_job *j, const struct output *out, struct error *e);
/* Does nothing to what was not opened. */
void cluster_job_close(struct cluster_job *j);

#endif
