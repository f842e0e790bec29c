#include <stdlib.h>

#include "cluster_method.h"

/* From rows to the roots above them: where a head is no root, its head takes its place, until all are. */
static void jump(struct cluster *k, uint64_t *head, const uint64_t *rows, uint64_t n) {
    uint64_t first = k->shard->start[k->shard->rank], changed = true;
    uint64_t *at = mem_alloc(n, sizeof *at), *above = mem_alloc(n, sizeof *above);
    while (changed) {
        changed = false;
        for (uint64_t i = 0; i < n; i++)
            at[i] = head[rows[i] - first];
        cluster_look_up(k, sizeof *head, head, at, n, above);
        for (uint64_t i = 0; i < n; i++) {
            changed |= above[i] != at[i];
            head[rows[i] - first] = above[i];
        }
        comm_max(k->comm, &changed, 1);
    }
    free(above);
    free(at);
}

/* Every root onto the smallest smaller one that an edge ties it to. Returns the rows here that were hooked;
 * to free. */
static uint64_t *hook(struct cluster *k, uint64_t *head, const struct u64_pair *edges, uint64_t n_edges,
                      uint64_t *n_hooked) {
    uint64_t n = shard_local_rows(k->shard), first = k->shard->start[k->shard->rank], hooked = 0;
    struct candidate_row *best = mem_alloc(n, sizeof *best), *c = mem_alloc(n_edges, sizeof *c);
    for (uint64_t i = 0; i < n; i++)
        best[i].row = NO_ROW;
    for (uint64_t i = 0; i < n_edges; i++)
        c[i] = (struct candidate_row){edges[i].first, NO_SCORE, edges[i].second};
    cluster_elect(k, c, n_edges, cluster_best, best);
    free(c);
    uint64_t *rows = mem_alloc(n, sizeof *rows);
    for (uint64_t i = 0; i < n; i++)
        if (best[i].row != NO_ROW) {
            head[i] = best[i].row;
            rows[hooked++] = first + i;
        }
    free(best);
    *n_hooked = hooked;
    return rows;
}

/* Edges between roots that were become those between roots that are, each once, larger first. */
static struct u64_pair *contract(struct cluster *k, const uint64_t *head, struct u64_pair *edges,
                                 uint64_t *n) {
    uint64_t ends = 2 * *n, *end = mem_alloc(ends, sizeof *end);
    struct forest forest = {0};
    for (uint64_t i = 0; i < *n; i++) {
        end[2 * i] = edges[i].first;
        end[2 * i + 1] = edges[i].second;
    }
    free(edges);
    cluster_look_up(k, sizeof *head, head, end, ends, end);
    for (uint64_t i = 0; i < ends; i += 2)
        if (end[i] != end[i + 1])
            forest_join(&forest, end[i], end[i + 1]);
    free(end);
    return forest_cut(&forest, n);
}

void cluster_components(struct cluster *k, uint64_t *head) {
    uint64_t n = shard_local_rows(k->shard), first = k->shard->start[k->shard->rank], n_edges, n_hooked;
    struct u64_pair *edges = forest_cut(&k->forest, &n_edges);
    uint64_t *rows = mem_alloc(n, sizeof *rows);
    for (uint64_t i = 0; i < n; i++)
        rows[i] = head[i] = first + i;
    for (uint64_t more = true;; k->rounds++) {
        more = n_edges > 0;
        comm_max(k->comm, &more, 1);
        if (!more)
            break;
        uint64_t *hooked = hook(k, head, edges, n_edges, &n_hooked);
        jump(k, head, hooked, n_hooked);
        free(hooked);
        edges = contract(k, head, edges, &n_edges);
    }
    jump(k, head, rows, n); /* roots that were hooked later */
    free(rows);
    free(edges);
}
