#include "lshjoin/probe.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lshjoin/base.h"

/* The moves of another node's set, and one more that is worse than they. */
struct probe_node {
    double sum;
    uint32_t rest; /* a node, or NONE */
    uint32_t last; /* the move */
};

enum { NONE = UINT32_MAX };

static bool is_better_move(const struct move *a, const struct move *b) {
    if (a->score != b->score)
        return a->score < b->score;
    return a->row != b->row ? a->row < b->row : a->step < b->step;
}

/* The best `most` of n moves to the front, in order: by insertion, for they are few. Returns how many. */
static uint32_t choose_moves(struct move *move, uint32_t n, uint32_t most) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct move x = move[i];
        if (kept == most && !is_better_move(&x, &move[kept - 1]))
            continue;
        uint32_t at = kept < most ? kept++ : kept - 1;
        for (; at > 0 && is_better_move(&x, &move[at - 1]); at--)
            move[at] = move[at - 1];
        move[at] = x;
    }
    return kept;
}

static bool is_better(const struct probe *p, uint32_t a, uint32_t b) {
    return p->node[a].sum < p->node[b].sum || (p->node[a].sum == p->node[b].sum && a < b);
}

static void heap_push(struct probe *p, uint32_t node) {
    uint32_t at = p->n_heap++;
    for (; at > 0 && is_better(p, node, p->heap[(at - 1) / 2]); at = (at - 1) / 2)
        p->heap[at] = p->heap[(at - 1) / 2];
    p->heap[at] = node;
}

static uint32_t heap_pop(struct probe *p) {
    uint32_t best = p->heap[0], node = p->heap[--p->n_heap], at = 0;
    for (uint32_t child = 1; child < p->n_heap; child = 2 * at + 1) {
        child += child + 1 < p->n_heap && is_better(p, p->heap[child + 1], p->heap[child]);
        if (!is_better(p, p->heap[child], node))
            break;
        p->heap[at] = p->heap[child];
        at = child;
    }
    p->heap[at] = node;
    return best;
}

/* The set of `rest` and the move `last`, unless there is no such move. */
static void add_set(struct probe *p, uint32_t rest, uint32_t last) {
    if (last >= p->n_moves)
        return;
    if (p->n_nodes == p->capacity) {
        p->capacity = 2 * p->capacity + 64;
        p->node = mem_grow(p->node, p->capacity, sizeof *p->node);
        p->heap = mem_grow(p->heap, p->capacity, sizeof *p->heap);
    }
    double sum = (rest == NONE ? 0 : p->node[rest].sum) + p->move[last].score;
    p->node[p->n_nodes] = (struct probe_node){sum, rest, last};
    heap_push(p, p->n_nodes++);
}

void probe_begin(struct probe *p, struct move *moves, uint32_t n, uint32_t most) {
    p->move = moves;
    p->n_moves = choose_moves(moves, n, most);
    p->n_nodes = p->n_heap = 0;
    add_set(p, NONE, 0);
}

/* Whether the row of the set's last move is moved by another one, too. */
static bool has_conflict(const struct probe *p, uint32_t node) {
    uint32_t row = p->move[p->node[node].last].row;
    for (uint32_t n = p->node[node].rest; n != NONE; n = p->node[n].rest)
        if (p->move[p->node[n].last].row == row)
            return true;
    return false;
}

/* Every set is made once: from the one with the next better last move in its place, or, where that is in the
 * set already, from the set without its last move. Both are better, so they had their turn before. A set with
 * a conflict is not enlarged, so that a conflict is always the last move's. */
uint32_t probe_next(struct probe *p, uint32_t *chosen) {
    while (p->n_heap > 0) {
        uint32_t best = heap_pop(p), n = 0;
        add_set(p, p->node[best].rest, p->node[best].last + 1);
        if (has_conflict(p, best))
            continue;
        add_set(p, best, p->node[best].last + 1);
        for (uint32_t node = best; node != NONE; node = p->node[node].rest)
            chosen[n++] = p->node[node].last;
        return n;
    }
    return 0;
}

void probe_free(struct probe *p) {
    free(p->node);
    free(p->heap);
    *p = (struct probe){0};
}
