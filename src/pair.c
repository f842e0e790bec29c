#include "pair.h"

#include <stdlib.h>

#include "route.h"

uint64_t pair_left_row(const struct pair *p, const struct pair_columns *columns, const struct shard *s) {
    return p->left + (columns->within && p->value > 0 ? s->split : 0);
}

uint64_t pair_right_row(const struct pair *p, const struct pair_columns *columns, const struct shard *s) {
    return p->right + ((columns->within ? p->value > 0 : !s->self_join) ? s->split : 0);
}

struct journey {
    const struct pair *pairs;
    uint64_t n, at;
    int (*destination)(void *ctx, const struct pair *p);
    void (*take)(void *ctx, const struct pair *pairs, uint64_t n);
    void *ctx;
};

static bool next_pair(void *ctx, void *out, int *to) {
    struct journey *j = ctx;
    if (j->at == j->n)
        return false;
    *(struct pair *)out = j->pairs[j->at++];
    *to = j->destination(j->ctx, out);
    return true;
}

static void take_pairs(void *ctx, const void *items, uint64_t n) {
    struct journey *j = ctx;
    j->take(j->ctx, items, n);
}

void pairs_route(struct comm *c, const struct pair *pairs, uint64_t n, uint64_t most,
                 int (*destination)(void *ctx, const struct pair *p),
                 void (*take)(void *ctx, const struct pair *pairs, uint64_t n), void *ctx) {
    struct journey j = {pairs, n, 0, destination, take, ctx};
    if (comm_size(c) == 1)
        take(ctx, pairs, n);
    else
        route(c, sizeof *pairs, most, next_pair, take_pairs, &j);
}

struct pair *pairs_mirror(const struct pair *pairs, uint64_t n) {
    struct pair *both = mem_alloc(2 * n, sizeof *both);
    for (uint64_t i = 0; i < n; i++) {
        both[2 * i] = pairs[i];
        both[2 * i + 1] = (struct pair){pairs[i].right, pairs[i].left, pairs[i].value, 0};
    }
    return both;
}
