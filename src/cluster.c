#include "cluster.h"

#include <stdlib.h>
#include <string.h>

#include "cluster_method.h"
#include "route.h"

static void take_edges(struct cluster *k, const struct pair *pairs, uint64_t n, uint64_t behind) {
    if (k->n_edges + n > k->capacity) {
        k->capacity = max_u64(k->n_edges + n, 2 * k->capacity);
        k->edges = mem_grow(k->edges, k->capacity, sizeof *k->edges);
    }
    for (uint64_t i = 0; i < n; i++) {
        uint32_t a = numbering_of(&k->rows, pairs[i].left);
        k->edges[k->n_edges++] = (struct edge){a, numbering_of(&k->rows, pairs[i].right + behind)};
    }
}

void cluster_take(struct cluster *k, const struct pair *pairs, uint64_t n) {
    uint64_t behind = k->shard->self_join ? 0 : k->shard->split; /* rows of a second input */
    if (k->method == CLUSTER_STAR) {
        take_edges(k, pairs, n, behind);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        cluster_join(k, pairs[i].left, pairs[i].right + behind);
}

void cluster_join(struct cluster *k, uint64_t left, uint64_t right) {
    forest_join(&k->forest, left, right);
}

void cluster_best(struct candidate_row *elected, const struct candidate_row *came) {
    if (elected->row == NO_ROW || came->score > elected->score ||
        (came->score == elected->score && came->row < elected->row))
        *elected = *came;
}

struct election {
    const struct shard *shard;
    const struct candidate_row *candidates;
    uint64_t n, at;
    elect_fn *elect;
    struct candidate_row *elected;
};

static bool next_candidate(void *ctx, void *out, int *to) {
    struct election *v = ctx;
    if (v->at == v->n)
        return false;
    *(struct candidate_row *)out = v->candidates[v->at++];
    *to = shard_rank(v->shard, ((struct candidate_row *)out)->at);
    return true;
}

static void take_candidates(void *ctx, const void *items, uint64_t n) {
    struct election *v = ctx;
    const struct candidate_row *came = items;
    for (uint64_t i = 0; i < n; i++)
        v->elect(&v->elected[came[i].at - v->shard->start[v->shard->rank]], &came[i]);
}

void cluster_elect(struct cluster *k, const struct candidate_row *candidates, uint64_t n, elect_fn *elect,
                   struct candidate_row *elected) {
    struct election v = {k->shard, candidates, n, 0, elect, elected};
    route(k->comm, sizeof *candidates, k->most, next_candidate, take_candidates, &v);
}

void cluster_look_up(struct cluster *k, size_t item, const void *values, const uint64_t *rows, uint64_t n,
                     void *out) {
    struct records records = {
        .n = shard_local_rows(k->shard), .item = item, .width = 1, .data = (void *)values};
    struct numbering different = {0};
    uint32_t *number = mem_alloc(n, sizeof *number);
    for (uint64_t i = 0; i < n; i++)
        number[i] = numbering_of(&different, rows[i]);
    char *came = mem_alloc(different.n, item);
    comm_pick(k->comm, k->shard, &records, different.row, different.n, k->most, came);
    for (uint64_t i = 0; i < n; i++)
        memcpy((char *)out + i * item, came + number[i] * item, item);
    free(came);
    free(number);
    numbering_free(&different);
}

/* What the rows of each group elect, at its head: first each rank's among themselves. `score` NULL: all have
 * `same`. To free. */
static struct candidate_row *elect_in_groups(struct cluster *k, const uint64_t *head, const uint64_t *score,
                                             uint64_t same, elect_fn *elect) {
    uint64_t n = shard_local_rows(k->shard), first = k->shard->start[k->shard->rank];
    struct numbering groups = {0};
    struct candidate_row *own = mem_alloc(n, sizeof *own), *elected = mem_alloc(n, sizeof *elected);
    for (uint64_t i = 0; i < n; i++) {
        own[i].row = elected[i].row = NO_ROW;
        elected[i].score = own[i].score = 0;
    }
    for (uint64_t i = 0; i < n; i++)
        elect(&own[numbering_of(&groups, head[i])],
              &(struct candidate_row){head[i], score ? score[i] : same, first + i});
    cluster_elect(k, own, groups.n, elect, elected);
    free(own);
    numbering_free(&groups);
    return elected;
}

/* The best row of each row's group, by `score` (NULL: none) and row. */
static void best_of_groups(struct cluster *k, const uint64_t *head, const uint64_t *score, uint64_t *best) {
    struct candidate_row *elected = elect_in_groups(k, head, score, NO_SCORE, cluster_best);
    uint64_t n = shard_local_rows(k->shard);
    for (uint64_t i = 0; i < n; i++)
        best[i] = elected[i].row;
    free(elected);
    cluster_look_up(k, sizeof *best, best, head, n, best);
}

void cluster_finish(struct cluster *k, uint64_t *label, uint8_t *keep) {
    uint64_t n = shard_local_rows(k->shard), first = k->shard->start[k->shard->rank];
    uint64_t *head = mem_alloc(n, sizeof *head), *kept = head;
    if (k->method == CLUSTER_STAR) {
        cluster_star(k, head);
        best_of_groups(k, head, NULL, label);
    } else {
        cluster_components(k, head);
        memcpy(label, head, n * sizeof *label);
        if (k->score)
            best_of_groups(k, label, k->score, kept);
    }
    for (uint64_t i = 0; i < n; i++)
        keep[i] = kept[i] == first + i;
    free(head);
}

static void add_up(struct candidate_row *elected, const struct candidate_row *came) {
    elected->at = came->at;
    elected->score += came->score;
}

void cluster_sizes(struct cluster *k, const uint64_t *label, uint64_t *size) {
    struct candidate_row *counted = elect_in_groups(k, label, NULL, 1, add_up);
    uint64_t n = shard_local_rows(k->shard);
    for (uint64_t i = 0; i < n; i++)
        size[i] = counted[i].score;
    free(counted);
}

void cluster_free(struct cluster *k) {
    forest_free(&k->forest);
    numbering_free(&k->rows);
    free(k->edges);
    k->edges = NULL;
}
