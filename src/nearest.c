#include "nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct near {
    double value;
    uint64_t right;
};

void nearest_open(struct nearest *t) {
    const struct shard *s = t->shard;
    t->first = s->start[s->rank];
    t->n = min_u64(s->start[s->rank + 1], s->split) - min_u64(t->first, s->split);
    t->count = mem_zero(t->n, sizeof *t->count);
    t->near = mem_alloc(t->n * t->k, sizeof *t->near);
}

void nearest_close(struct nearest *t) {
    free(t->count);
    free(t->near);
}

double nearest_limit(const struct nearest *t, uint64_t row) {
    if (t->count[row] == t->k)
        return t->near[(row + 1) * t->k - 1].value;
    return t->smaller_is_nearer ? INFINITY : -INFINITY;
}

static bool is_nearer(const struct nearest *t, struct near a, struct near b) {
    if (a.value != b.value)
        return t->smaller_is_nearer ? a.value < b.value : a.value > b.value;
    return a.right < b.right;
}

static void insert(struct nearest *t, const struct pair *p) {
    uint64_t row = p->left - t->first, *count = &t->count[row], at = *count;
    struct near *list = t->near + row * t->k, x = {p->value, p->right};
    if (at == t->k && !is_nearer(t, x, list[at - 1]))
        return;
    while (at > 0 && is_nearer(t, x, list[at - 1]))
        at--;
    if (at > 0 && list[at - 1].right == x.right) /* a row with itself, turned around */
        return;
    *count += *count < t->k;
    memmove(list + at + 1, list + at, (*count - 1 - at) * sizeof *list);
    list[at] = x;
}

static int holder(void *ctx, const struct pair *p) {
    return shard_rank(((struct nearest *)ctx)->shard, p->left);
}

static void take(void *ctx, const struct pair *pairs, uint64_t n) {
    for (uint64_t i = 0; i < n; i++)
        insert(ctx, &pairs[i]);
}

void nearest_add(struct nearest *t, const struct pair *pairs, uint64_t n) {
    struct pair *both = t->mirrors ? pairs_mirror(pairs, n) : NULL;
    pairs_route(t->comm, both ? both : pairs, both ? 2 * n : n, t->most, holder, take, t);
    free(both);
}

void nearest_restore(struct nearest *t, const struct pair *pairs, uint64_t n) {
    pairs_route(t->comm, pairs, n, t->most, holder, take, t);
}

static uint64_t rows_at_once(const struct nearest *t) {
    return max_u64(1, t->most / t->k / sizeof(struct pair));
}

/* Those of rows [row, end). Returns how many. */
static uint64_t list_rows(const struct nearest *t, uint64_t row, uint64_t end, struct pair *pairs) {
    uint64_t n = 0;
    for (; row < end; row++)
        for (uint64_t i = 0; i < t->count[row]; i++) {
            const struct near *x = &t->near[row * t->k + i];
            pairs[n++] = (struct pair){t->first + row, x->right, x->value, i + 1};
        }
    return n;
}

int nearest_each(const struct nearest *t,
                 int (*give)(void *ctx, const struct pair *pairs, uint64_t n, struct error *e), void *ctx,
                 struct error *e) {
    uint64_t each = rows_at_once(t);
    struct pair *pairs = mem_alloc(min_u64(each, t->n) * t->k, sizeof *pairs);
    for (uint64_t row = 0; row < t->n && !e->status; row += each)
        give(ctx, pairs, list_rows(t, row, min_u64(t->n, row + each), pairs), e);
    free(pairs);
    return e->status;
}

int nearest_tell(const struct nearest *t,
                 int (*tell)(void *ctx, const struct pair *pairs, uint64_t n, struct error *e), void *ctx,
                 struct error *e) {
    uint64_t each = rows_at_once(t), blocks = (t->n + each - 1) / each;
    struct pair *pairs = mem_alloc(min_u64(each, t->n) * t->k, sizeof *pairs);
    comm_max(t->comm, &blocks, 1); /* to tell is collective */
    for (uint64_t b = 0; b < blocks && !e->status; b++)
        tell(ctx, pairs, list_rows(t, min_u64(t->n, b * each), min_u64(t->n, (b + 1) * each), pairs), e);
    free(pairs);
    return e->status;
}
