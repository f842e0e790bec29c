#include <stdlib.h>
#include <string.h>

#include "cluster_method.h"

enum state { UNDECIDED, KEPT, LEFT };

struct star {
    struct cluster *k;
    uint64_t n, first; /* rows of this rank */
    uint8_t *state;    /* [n] of them */
    uint64_t n_live;   /* the first of the edges have two undecided ends */
    /* Of the rows that the edges have, by number: */
    uint64_t n_rows;
    uint64_t *score; /* NULL: all are equal */
    uint8_t *seen;   /* the state */
    uint8_t *mark;
};

/* The order in which records are kept. The hash is a bijection: no two are equal. */
static bool comes_first(const struct candidate_row *a, const struct candidate_row *b) {
    return a->score != b->score ? a->score > b->score : mix64(a->row) < mix64(b->row);
}

static void elect_first(struct candidate_row *elected, const struct candidate_row *came) {
    if (elected->row == NO_ROW || comes_first(came, elected))
        *elected = *came;
}

static struct candidate_row candidate(const struct star *s, uint32_t number, uint64_t at) {
    return (struct candidate_row){at, s->score ? s->score[number] : NO_SCORE, s->k->rows.row[number]};
}

/* The state of all rows that the edges have. */
static void look(struct star *s) {
    cluster_look_up(s->k, sizeof *s->seen, s->state, s->k->rows.row, s->n_rows, s->seen);
}

static void drop_dead_edges(struct star *s) {
    uint64_t live = 0;
    struct edge *e = s->k->edges;
    for (uint64_t i = 0; i < s->n_live; i++)
        if (s->seen[e[i].a] == UNDECIDED && s->seen[e[i].b] == UNDECIDED) {
            struct edge swapped = e[live];
            e[live++] = e[i];
            e[i] = swapped;
        }
    s->n_live = live;
}

/* Tell the holders of the rows that are marked. out[i]: whether any rank has marked row i of this one. */
static void tell_marked(struct star *s, struct candidate_row *out) {
    struct candidate_row *c = mem_alloc(s->n_rows, sizeof *c);
    uint64_t n = 0;
    for (uint64_t i = 0; i < s->n_rows; i++)
        if (s->mark[i])
            c[n++] = (struct candidate_row){s->k->rows.row[i], NO_SCORE, s->k->rows.row[i]};
    for (uint64_t i = 0; i < s->n; i++)
        out[i].row = NO_ROW;
    cluster_elect(s->k, c, n, cluster_best, out);
    free(c);
}

/* Undecided rows that no undecided neighbour comes before are kept. */
static void keep_first(struct star *s, struct candidate_row *told) {
    memset(s->mark, 0, s->n_rows);
    for (uint64_t i = 0; i < s->n_live; i++) {
        const struct edge *e = &s->k->edges[i];
        struct candidate_row a = candidate(s, e->a, 0), b = candidate(s, e->b, 0);
        s->mark[comes_first(&a, &b) ? e->b : e->a] = 1;
    }
    tell_marked(s, told);
    for (uint64_t i = 0; i < s->n; i++)
        if (s->state[i] == UNDECIDED && told[i].row == NO_ROW)
            s->state[i] = KEPT;
}

/* Their neighbours leave. */
static void leave(struct star *s, struct candidate_row *told) {
    memset(s->mark, 0, s->n_rows);
    for (uint64_t i = 0; i < s->n_live; i++) {
        const struct edge *e = &s->k->edges[i];
        s->mark[e->a] |= s->seen[e->b] == KEPT;
        s->mark[e->b] |= s->seen[e->a] == KEPT;
    }
    tell_marked(s, told);
    for (uint64_t i = 0; i < s->n; i++)
        if (told[i].row != NO_ROW)
            s->state[i] = LEFT;
}

static bool any_undecided(const struct star *s) {
    uint64_t any = false;
    for (uint64_t i = 0; i < s->n && !any; i++)
        any = s->state[i] == UNDECIDED;
    comm_max(s->k->comm, &any, 1);
    return any;
}

static void nominate(const struct star *s, struct candidate_row *best, uint32_t kept, uint32_t left) {
    struct candidate_row c = candidate(s, kept, s->k->rows.row[left]);
    if (s->seen[kept] == KEPT && s->seen[left] == LEFT)
        elect_first(&best[left], &c);
}

/* Those that left to the first of their kept neighbours. */
static void assign(struct star *s, struct candidate_row *centre, uint64_t *head) {
    struct candidate_row *best = mem_alloc(s->n_rows, sizeof *best);
    for (uint64_t i = 0; i < s->n_rows; i++)
        best[i].row = NO_ROW;
    for (uint64_t i = 0; i < s->k->n_edges; i++) {
        const struct edge *e = &s->k->edges[i];
        nominate(s, best, e->a, e->b);
        nominate(s, best, e->b, e->a);
    }
    uint64_t n = 0;
    for (uint64_t i = 0; i < s->n_rows; i++)
        if (best[i].row != NO_ROW)
            best[n++] = best[i];
    for (uint64_t i = 0; i < s->n; i++)
        centre[i].row = NO_ROW;
    cluster_elect(s->k, best, n, elect_first, centre);
    for (uint64_t i = 0; i < s->n; i++)
        head[i] = s->state[i] == KEPT ? s->first + i : centre[i].row;
    free(best);
}

void cluster_star(struct cluster *k, uint64_t *head) {
    struct star star = {.k = k,
                        .n = shard_local_rows(k->shard),
                        .first = k->shard->start[k->shard->rank],
                        .n_live = k->n_edges,
                        .n_rows = k->rows.n},
                *s = &star;
    struct candidate_row *told = mem_alloc(s->n, sizeof *told);
    s->state = mem_zero(s->n, sizeof *s->state);
    s->seen = mem_zero(s->n_rows, sizeof *s->seen);
    s->mark = mem_alloc(s->n_rows, sizeof *s->mark);
    if (k->score) {
        s->score = mem_alloc(s->n_rows, sizeof *s->score);
        cluster_look_up(k, sizeof *s->score, k->score, k->rows.row, s->n_rows, s->score);
    }
    for (; any_undecided(s); k->rounds++) {
        drop_dead_edges(s);
        keep_first(s, told);
        look(s);
        leave(s, told);
        look(s);
    }
    assign(s, told, head);
    free(s->score);
    free(s->mark);
    free(s->seen);
    free(s->state);
    free(told);
}
