#include "tell.h"

#include <stdlib.h>
#include <string.h>

#include "visit.h"

/* Pairs whose rows are looked at together, or those of one left row more; and that are told at once, at least
 * those of one left row. */
enum { TOGETHER = 1 << 16, TOLD = 1 << 16 };

/* Some pairs, and whom their rows stand for: side 2i is the left row of pair i, 2i+1 the right one. */
struct sides {
    const struct tell *tell;
    const struct pair *pairs;
    uint64_t n;
    uint64_t *row; /* [2n] global numbers */
    uint32_t *others;
    uint64_t *at, *other; /* of side k: other[at[k]] and those that follow, rising */
    uint64_t *side;       /* of those that stand for any */
};

static uint64_t members(const struct sides *s, uint64_t side) {
    return 1 + (uint64_t)s->others[side];
}

/* A row and those that it stands for, rising. */
static uint64_t member(const struct sides *s, uint64_t side, uint64_t k) {
    return k == 0 ? s->row[side] : s->other[s->at[side] + k - 1];
}

static uint64_t right_number(const struct shard *s, uint64_t row) {
    return s->self_join ? row : row - s->split;
}

/* The first pair behind `first` that may be told apart from those before it. */
static uint64_t end_of(const struct tell *t, const struct pair *pairs, uint64_t first, uint64_t n) {
    uint64_t end = first + 1;
    while (t->nearest && end < n && pairs[end].left == pairs[first].left)
        end++;
    return end;
}

/* Collective. For how many others the rows of about TOGETHER pairs out of n stand. */
static struct sides count_others(const struct tell *t, const struct pair *pairs, uint64_t n) {
    struct sides s = {.tell = t, .pairs = pairs};
    while (s.n < n && s.n < TOGETHER)
        s.n = end_of(t, pairs, s.n, n);
    s.row = mem_alloc(2 * s.n, sizeof *s.row);
    s.others = mem_zero(2 * s.n, sizeof *s.others); /* rows that no rank holds stand for themselves */
    for (uint64_t i = 0; i < s.n; i++) {
        s.row[2 * i] = pairs[i].left;
        s.row[2 * i + 1] = pairs[i].right + (t->shard->self_join ? 0 : t->shard->split);
    }
    visit_pick(t->comm, t->shard, &t->duplicates->lengths, s.row, 2 * s.n, t->most, s.others);
    return s;
}

/* Keep the first pairs, as many as there is memory for. */
static void cut(struct sides *s) {
    uint64_t rows = 0, n = 0;
    for (uint64_t end; n < s->n; n = end) {
        end = end_of(s->tell, s->pairs, n, s->n);
        for (uint64_t side = 2 * n; side < 2 * end; side++)
            rows += s->others[side];
        if (n > 0 && rows > s->tell->most / 4 / sizeof *s->other)
            break;
    }
    s->n = n;
}

static void take_others(void *ctx, uint64_t k, const void *row, uint64_t items) {
    struct sides *s = ctx;
    memcpy(s->other + s->at[s->side[k]], row, items * sizeof *s->other);
}

/* Collective. */
static void fetch_others(struct sides *s) {
    const struct tell *t = s->tell;
    uint64_t *row = mem_alloc(2 * s->n, sizeof *row), n = 0, sum = 0;
    s->at = mem_alloc(2 * s->n, sizeof *s->at);
    s->side = mem_alloc(2 * s->n, sizeof *s->side);
    for (uint64_t side = 0; side < 2 * s->n; side++) {
        s->at[side] = sum;
        sum += s->others[side];
        if (s->others[side]) {
            row[n] = s->row[side];
            s->side[n++] = side;
        }
    }
    s->other = mem_alloc(sum, sizeof *s->other);
    visit_rows(t->comm, t->pool, t->shard, &t->duplicates->stood_for, row, n, t->most, take_others, s);
    free(row);
}

static void free_sides(struct sides *s) {
    free(s->row);
    free(s->others);
    free(s->at);
    free(s->other);
    free(s->side);
}

/* Where the telling is: at pair number `pair`, member a of its left and b of its right row. Of the nearest,
 * at the pairs [pair, end) of a left row, of which a is the next member, and `near` what is nearest to them
 * all. */
struct place {
    uint64_t pair, a, b, end, n_near, capacity;
    struct pair *near;
    uint64_t *tied;
};

typedef uint64_t next_fn(const struct sides *s, struct place *at, struct pair *told);

/* Up to TOLD pairs. */
static uint64_t next_pairs(const struct sides *s, struct place *at, struct pair *told) {
    const struct shard *shard = s->tell->shard;
    bool sorted = shard->self_join && !s->tell->ordered;
    uint64_t n = 0;
    while (n < TOLD && at->pair < s->n) {
        const struct pair *p = &s->pairs[at->pair];
        uint64_t left = 2 * at->pair, right = left + 1;
        bool itself = shard->self_join && p->left == p->right;
        if (!itself && members(s, left) + members(s, right) == 2) { /* most stand for nobody else */
            told[n] = (struct pair){p->left, p->right, p->value, 0};
            n += shard->self_join || !s->tell->exclusive || p->left != p->right;
            at->pair++;
            continue;
        }
        if (itself && (sorted ? at->b <= at->a : at->b == at->a))
            at->b = at->a + 1;
        if (at->b < members(s, right)) {
            uint64_t x = member(s, left, at->a), y = right_number(shard, member(s, right, at->b++));
            told[n] = sorted ? (struct pair){min_u64(x, y), max_u64(x, y), p->value, 0}
                             : (struct pair){x, y, p->value, 0};
            n += shard->self_join || !s->tell->exclusive || x != y;
        } else {
            at->b = 0;
            if (++at->a == members(s, left)) {
                at->a = 0;
                at->pair++;
            }
        }
    }
    return n;
}

static int compare_rows(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Append the members of the right rows of pairs [first, end), which are all as near, by row number: up to
 * `most` of them. */
static void append_tied(const struct sides *s, struct place *at, uint64_t first, uint64_t end,
                        uint64_t most) {
    uint64_t n = 0, room = 0;
    for (uint64_t pair = first; pair < end; pair++)
        room += members(s, 2 * pair + 1);
    if (room > at->capacity) {
        at->capacity = 2 * room;
        at->tied = mem_grow(at->tied, at->capacity, sizeof *at->tied);
    }
    for (uint64_t pair = first; pair < end; pair++)
        for (uint64_t k = 0; k < members(s, 2 * pair + 1); k++)
            at->tied[n++] = right_number(s->tell->shard, member(s, 2 * pair + 1, k));
    if (end - first > 1)
        qsort(at->tied, n, sizeof *at->tied, compare_rows);
    for (uint64_t i = 0; i < min_u64(n, most); i++)
        at->near[at->n_near++] = (struct pair){.right = at->tied[i], .value = s->pairs[first].value};
}

/* What is nearest to the members of the left row at hand: one more than each of them needs, as one may be
 * itself. */
static void gather_near(const struct sides *s, struct place *at) {
    uint64_t most = s->tell->nearest + 1;
    at->end = end_of(s->tell, s->pairs, at->pair, s->n);
    at->n_near = 0;
    for (uint64_t first = at->pair, end; first < at->end && at->n_near < most; first = end) {
        for (end = first + 1; end < at->end && s->pairs[end].value == s->pairs[first].value;)
            end++;
        append_tied(s, at, first, end, most - at->n_near);
    }
}

static uint64_t next_nearest(const struct sides *s, struct place *at, struct pair *told) {
    const struct tell *t = s->tell;
    uint64_t n = 0;
    if (!at->near)
        at->near = mem_alloc(t->nearest + 1, sizeof *at->near);
    while (at->pair < s->n && n + t->nearest <= TOLD) {
        if (at->a == 0)
            gather_near(s, at);
        uint64_t left = member(s, 2 * at->pair, at->a), rank = 0;
        bool others_only = t->shard->self_join || t->exclusive;
        for (uint64_t i = 0; i < at->n_near && rank < t->nearest; i++)
            if (!others_only || at->near[i].right != left)
                told[n++] = (struct pair){left, at->near[i].right, at->near[i].value, ++rank};
        if (++at->a == members(s, 2 * at->pair)) {
            at->a = 0;
            at->pair = at->end;
        }
    }
    return n;
}

/* Collective. Tell what these pairs stand for. */
static void tell_some(const struct sides *s, next_fn *next, struct error *e) {
    struct place at = {0};
    struct pair *told = mem_alloc(TOLD, sizeof *told);
    for (uint64_t more = true; more && !e->status;) {
        uint64_t n = next(s, &at, told);
        s->tell->take(s->tell->ctx, told, n, e);
        more = at.pair < s->n;
        comm_max(s->tell->comm, &more, 1);
    }
    free(at.near);
    free(at.tied);
    free(told);
}

static int tell_all(const struct tell *t, const struct pair *pairs, uint64_t n, next_fn *next,
                    struct error *e) {
    for (uint64_t first = 0, more = n; !e->status && (comm_max(t->comm, &more, 1), more > 0);
         more = n - first) {
        struct sides s = count_others(t, pairs + first, n - first);
        cut(&s);
        fetch_others(&s);
        tell_some(&s, next, e);
        first += s.n;
        free_sides(&s);
    }
    return e->status;
}

int tell_pairs(const struct tell *t, const struct pair *pairs, uint64_t n, struct error *e) {
    return tell_all(t, pairs, n, next_pairs, e);
}

int tell_nearest(const struct tell *t, const struct pair *pairs, uint64_t n, struct error *e) {
    return tell_all(t, pairs, n, next_nearest, e);
}
