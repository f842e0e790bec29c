/* Groups of pairs that lie on any ranks, so that no rank sees much of a chain: against the plainest means, on
 * one rank. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cluster.h"

enum { ROWS = 2000, MOST_PAIRS = 8000, MOST_ROUNDS = 24 /* 2 log2(ROWS), and some */ };

struct graph {
    const char *name;
    uint64_t n;
    uint64_t pair[MOST_PAIRS][2];
};

static void add_pair(struct graph *g, uint64_t a, uint64_t b) {
    if (a == b)
        return;
    g->pair[g->n][0] = min_u64(a, b);
    g->pair[g->n++][1] = max_u64(a, b);
}

static uint64_t shuffled(uint64_t k) {
    return k * 1237 % ROWS; /* a bijection: 1237 is prime to 2000 */
}

static void make(struct graph *g, int kind) {
    static const char *const names[] = {"path", "shuffled path", "hub", "sparse", "two levels", "none"};
    *g = (struct graph){.name = names[kind]};
    for (uint64_t k = 0; k + 1 < ROWS; k++)
        if (kind == 0)
            add_pair(g, k, k + 1);
        else if (kind == 1)
            add_pair(g, shuffled(k), shuffled(k + 1));
        else if (kind == 2)
            add_pair(g, k, ROWS - 1);
        else if (kind == 3)
            add_pair(g, mix64(2 * k) % ROWS, mix64(2 * k + 1) % ROWS);
        else if (kind == 4) { /* few large rows between many small ones */
            add_pair(g, k, ROWS - 1 - mix64(k) % 50);
            add_pair(g, k, ROWS - 1 - mix64(k + ROWS) % 50);
        }
}
enum { KINDS = 6 };

static const uint64_t *scores; /* or NULL */

static bool comes_first(uint64_t a, uint64_t b) {
    if (scores && scores[a] != scores[b])
        return scores[a] > scores[b];
    return mix64(a) < mix64(b);
}

static int compare_priority(const void *a, const void *b) {
    return comes_first(*(const uint64_t *)a, *(const uint64_t *)b) ? -1 : 1;
}

/* head[row] of components: the smallest row. */
static void components_plainly(const struct graph *g, uint64_t *head) {
    for (bool changed = true; changed;) {
        changed = false;
        for (uint64_t i = 0; i < g->n; i++) {
            uint64_t *a = &head[g->pair[i][0]], *b = &head[g->pair[i][1]], least = min_u64(*a, *b);
            changed |= *a != *b;
            *a = *b = least;
        }
    }
}

/* head[row] of stars: the kept row. */
static void star_plainly(const struct graph *g, uint64_t *head) {
    static uint64_t order[ROWS];
    for (uint64_t k = 0; k < ROWS; k++) {
        order[k] = k;
        head[k] = UINT64_MAX;
    }
    qsort(order, ROWS, sizeof *order, compare_priority);
    for (uint64_t k = 0; k < ROWS; k++) {
        uint64_t row = order[k];
        if (head[row] != UINT64_MAX)
            continue;
        head[row] = row;
        for (uint64_t i = 0; i < g->n;
             i++) /* who is first reached from the first kept neighbour goes to it */
            for (int side = 0; side < 2; side++)
                if (g->pair[i][side] == row && head[g->pair[i][!side]] == UINT64_MAX)
                    head[g->pair[i][!side]] = row;
    }
}

/* Label and keep by the heads. */
static void finish_plainly(const uint64_t *head, bool star, uint64_t *label, uint8_t *keep) {
    static uint64_t best[ROWS], least[ROWS];
    for (uint64_t k = 0; k < ROWS; k++)
        best[k] = label[k] = UINT64_MAX;
    for (uint64_t k = 0; k < ROWS; k++) {
        uint64_t h = head[k];
        label[h] = min_u64(label[h], k);
        if (best[h] == UINT64_MAX || (scores && scores[k] > scores[best[h]]))
            best[h] = k;
    }
    for (uint64_t k = 0; k < ROWS; k++) {
        keep[k] = (star ? head[k] : best[head[k]]) == k;
        least[k] = label[head[k]];
    }
    memcpy(label, least, sizeof least);
}

static void check_graph(struct comm *c, const struct graph *g, bool star, uint64_t most) {
    static uint64_t head[ROWS], label[ROWS], own_label[ROWS];
    static uint8_t keep[ROWS], own_keep[ROWS];
    uint64_t ranks = (uint64_t)comm_size(c), rank = (uint64_t)comm_rank(c);
    struct shard s = {.ranks = (int)ranks, .rank = (int)rank, .self_join = true, .rows = ROWS, .split = ROWS};
    s.start = mem_zero(ranks + 1, sizeof *s.start);
    for (uint64_t r = 1; r <= ranks; r++) /* of different lengths; the second rank has none of five */
        s.start[r] = ranks == 5 && r == 2 ? s.start[1] : ROWS * r * r / (ranks * ranks);
    struct cluster k = {.comm = c,
                        .shard = &s,
                        .method = star ? CLUSTER_STAR : CLUSTER_COMPONENTS,
                        .score = scores ? scores + s.start[rank] : NULL,
                        .most = most};
    for (uint64_t i = 0; i < g->n; i++)
        if (mix64(i ^ 99) % ranks == rank)
            cluster_take(&k, &(struct pair){.left = g->pair[i][0], .right = g->pair[i][1]}, 1);
    cluster_finish(&k, own_label, own_keep);
    for (uint64_t row = 0; row < ROWS; row++)
        head[row] = row;
    if (star)
        star_plainly(g, head);
    else
        components_plainly(g, head);
    finish_plainly(head, star, label, keep);
    for (uint64_t i = 0; i < shard_local_rows(&s); i++) {
        CHECK(own_label[i] == label[s.start[rank] + i]);
        CHECK(own_keep[i] == keep[s.start[rank] + i]);
    }
    CHECK(k.rounds <= MOST_ROUNDS);
    cluster_free(&k);
    free(s.start);
}

static void test_graphs(struct comm *c) {
    static struct graph g;
    static uint64_t some[ROWS];
    for (uint64_t k = 0; k < ROWS; k++)
        some[k] = mix64(k) % 3; /* many ties */
    for (int kind = 0; kind < KINDS; kind++)
        for (int how = 0; how < 8; how++) {
            make(&g, kind);
            scores = how & 1 ? some : NULL;
            check_graph(c, &g, how & 2, how & 4 ? 4096 : (uint64_t)1 << 24);
        }
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    RUN(test_graphs, c);
    comm_finish(c);
    return 0;
}
