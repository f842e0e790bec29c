/* What cluster, cluster_components and cluster_star share. All is collective; `head` is an array of this
 * rank's rows, of rows anywhere. */
#ifndef CLUSTER_METHOD_H
#define CLUSTER_METHOD_H

#include <stddef.h>

#include "cluster.h"

/* From the forest to each row's root, the smallest row of its component. */
void cluster_components(struct cluster *k, uint64_t *head);

struct edge {
    uint32_t a, b; /* numbers of rows */
};
/* From the edges to each row's centre; a kept row is its own. */
void cluster_star(struct cluster *k, uint64_t *head);

/* A row that stands for election at another, or at a group's head. */
struct candidate_row {
    uint64_t at, score, row;
};
enum { NO_SCORE = 0 };
#define NO_ROW UINT64_MAX /* of no candidate, who loses to all */

/* What becomes of the one that was elected so far when another candidate comes, in any order. */
typedef void elect_fn(struct candidate_row *elected, const struct candidate_row *came);
/* The best by score, ties by row, remains. */
void cluster_best(struct candidate_row *elected, const struct candidate_row *came);

/* elected[i]: of all ranks' candidates at this rank's i-th row; one that is there already stands, too. */
void cluster_elect(struct cluster *k, const struct candidate_row *candidates, uint64_t n, elect_fn *elect,
                   struct candidate_row *elected);

/* out[i]: the item of `values`, which has one for each of this rank's rows, of rows[i], wherever that is. A
 * row that is asked for several times travels once. */
void cluster_look_up(struct cluster *k, size_t item, const void *values, const uint64_t *rows, uint64_t n,
                     void *out);

#endif
