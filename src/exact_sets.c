/* Exact joins of sets: each set that comes by looks its prefix up in an index of the prefixes of those that
 * stay. */
#include <math.h>
#include <stdlib.h>

#include "exact_method.h"
#include "lshjoin/base.h"
#include "lshjoin/delta.h"
#include "lshjoin/parity.h"
#include "lshjoin/prefix.h"
#include "lshjoin/sort.h"

enum { UNIT = 16 }; /* moving rows */

/* A rank, and how much of all prefixes is of lower ones: of 2^32. */
struct border {
    uint64_t rank, share;
};

/* The ranks that sets of one size may pair with: [least, end), and of those the larger ones. */
struct window {
    uint64_t size;
    struct border least, larger;
    uint64_t end;
};

/* What a thread needs for one set. */
struct probe_room {
    struct window window; /* of the last size, kept for the next set */
    uint32_t *prefix;     /* [2 * capacity] */
    uint64_t capacity;
    uint64_t *seen;      /* a bit for each rank of the index: met already */
    uint32_t *met;       /* [n_met] ranks whose bit is set */
    uint32_t *candidate; /* [n_candidates] ranks that passed */
    uint64_t *row;       /* [met_capacity] rows of those that are compared */
    double *value;       /* [met_capacity] and what that gave */
    uint64_t n_met, n_candidates, met_capacity;
    struct deltas *deltas;
};

struct sets {
    struct prefix_index index;
    struct prefix_rule rule; /* of the sets that come by */
    uint64_t *parity;        /* [ranks][PARITY_WORDS] */
    enum simd simd;
    bool among;     /* of this meeting */
    uint32_t *turn; /* [moving rows] their ranks, rising, where they all stay too: as they lie in the index */
    struct probe_room *room; /* [threads] */
    int threads;
};

/* A set that comes by. */
struct mover {
    uint64_t row, n; /* in the block; elements */
    uint64_t
        rank; /* among the same rows: how many of those that stay are smaller, or as large and before it */
};

struct parities {
    struct sets *sets;
    const struct records *records;
};

static void take_parities(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct parities *job = ctx;
    for (uint64_t row = lo; row < hi; row++)
        parity_of(records_row(job->records, row), records_length(job->records, row), job->records->item,
                  job->sets->parity + job->sets->index.rank[row] * (uint64_t)PARITY_WORDS);
}

static void *create(const struct exact_plan *plan) {
    struct sets *s = mem_zero(1, sizeof *s);
    enum prefix_role stay = !plan->family->is_directed ? PREFIX_ALIKE
                            : plan->left_stays         ? PREFIX_CONTAINED
                                                       : PREFIX_CONTAINING;
    struct prefix_rule rule = prefix_rule(plan->threshold.exact, stay);
    s->rule = prefix_mirror(rule);
    s->index = prefix_index_create(plan->pool, plan->rarity, rule, &plan->stay.records, !plan->alone);
    s->simd = cpu_simd();
    s->parity = mem_alloc(s->index.n * PARITY_WORDS, sizeof *s->parity);
    pool_for(plan->pool, s->index.n, 1024, take_parities, &(struct parities){s, &plan->stay.records});
    s->threads = pool_threads(plan->pool);
    s->room = mem_zero((uint64_t)s->threads, sizeof *s->room);
    for (int t = 0; t < s->threads; t++) {
        s->room[t].seen = mem_zero(s->index.n / 64 + 1, sizeof *s->room[t].seen);
        s->room[t].deltas = deltas_create(plan->stay.records.item, s->simd);
    }
    return s;
}

static void destroy(void *state) {
    struct sets *s = state;
    for (int t = 0; t < s->threads; t++) {
        free(s->room[t].prefix);
        free(s->room[t].seen);
        deltas_free(s->room[t].deltas);
        free(s->room[t].candidate);
        free(s->room[t].met);
        free(s->room[t].row);
        free(s->room[t].value);
    }
    free(s->room);
    free(s->turn);
    free(s->parity);
    prefix_index_free(&s->index);
    free(s);
}

/* The ranks of n rows from number `from` on, rising. */
static uint32_t *ranks_of(const struct prefix_index *x, struct pool *pool, uint64_t from, uint64_t n) {
    struct u64_pair *by_rank = mem_zero(n, sizeof *by_rank), *room = mem_alloc(n, sizeof *room);
    uint32_t *rank = mem_alloc(n, sizeof *rank);
    for (uint64_t i = 0; i < n; i++)
        by_rank[i].first = x->rank[from + i];
    sort_pairs(pool, by_rank, room, n);
    for (uint64_t i = 0; i < n; i++)
        rank[i] = (uint32_t)by_rank[i].first;
    free(room);
    free(by_rank);
    return rank;
}

static uint64_t begin(void *state, const struct exact_plan *plan, const struct exact_meeting *meeting) {
    struct sets *s = state;
    uint64_t n = meeting->moving.records.n, from = meeting->moving.first - plan->stay.first;
    bool all_stay = meeting->among && from <= s->index.n && n <= s->index.n - from;
    free(s->turn);
    s->among = meeting->among;
    s->turn = all_stay ? ranks_of(&s->index, plan->pool, from, n) : NULL;
    for (int t = 0; t < s->threads; t++)
        s->room[t].window.size = 0; /* whom sets of a size meet depends on the meeting */
    return (n + UNIT - 1) / UNIT;
}

static void make_room(struct probe_room *room, uint64_t size) {
    if (size > room->capacity) {
        free(room->prefix);
        room->capacity = 2 * size;
        room->prefix = mem_alloc(2 * room->capacity, sizeof *room->prefix);
    }
}

/* Room for `more` that are met. */
static void make_place(struct probe_room *room, uint64_t more) {
    if (room->n_met + more <= room->met_capacity)
        return;
    room->met_capacity = 2 * (room->n_met + more);
    room->met = mem_grow(room->met, room->met_capacity, sizeof *room->met);
    room->candidate = mem_grow(room->candidate, room->met_capacity, sizeof *room->candidate);
    room->row = mem_grow(room->row, room->met_capacity, sizeof *room->row);
    room->value = mem_grow(room->value, room->met_capacity, sizeof *room->value);
}

/* A list's first posting of rank `rank` or more. Lists are like each other, so that it is likely near the
 * part of the list that all prefixes of lower ranks are of all prefixes. */
static const struct posting *skip_below(const struct posting *p, uint64_t n, struct border b) {
    enum { NEAR = 8 };
    const struct posting *guess = p + (n * b.share >> 32), *end = p + n;
    for (int step = 0; step < NEAR; step++) {
        if (guess > p && guess[-1].rank >= b.rank)
            guess--;
        else if (guess < end && guess->rank < b.rank)
            guess++;
        else
            return guess;
    }
    for (; n > 1; n -= n / 2)
        p += n / 2 * (p[n / 2 - 1].rank < b.rank);
    return p + (n == 1 && p->rank < b.rank);
}

static struct border border_at(const struct prefix_index *x, uint64_t rank) {
    uint64_t all = x->at[x->n], part = x->at[min_u64(rank, x->n)];
    return (struct border){rank, all ? (uint64_t)((double)part / (double)all * (double)UINT32_MAX) : 0};
}

/* The rank that a set would have that comes by: of its size, and `number` as the first row that stays is 0.
 */
static uint64_t place_of(const struct prefix_index *x, uint64_t size, int64_t number) {
    uint64_t lo = prefix_index_rank(x, size), hi = prefix_index_rank(x, size + 1);
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if ((int64_t)x->row[mid] < number)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* What sets of the index the moving one may pair with. Among the same rows, those below its own rank: no
 * larger, and each pair comes once. */
static void set_window(const struct sets *s, struct mover set, struct window *w) {
    const struct prefix_index *x = &s->index;
    if (w->size != set.n) {
        uint64_t least, most;
        prefix_sizes(s->rule, set.n, &least, &most);
        w->size = set.n;
        w->least = border_at(x, prefix_index_rank(x, least));
        w->larger = border_at(x, prefix_index_rank(x, set.n + 1));
        w->end = most < UINT32_MAX ? prefix_index_rank(x, most + 1) : x->n;
    }
    if (s->among)
        w->end = set.rank;
}

/* A list of postings at place i of our own prefix: those of ranks [lo, hi). Where a set is met for the first
 * time is its first common element with us: that decides. No branch depends on the data. */
static void scan(const struct prefix_index *x, struct probe_room *room, struct prefix_rule r, uint64_t n,
                 uint64_t i, const struct posting *p, const struct posting *end, uint64_t hi) {
    make_place(room, (uint64_t)(end - p));
    uint64_t *seen = room->seen, n_met = room->n_met, n_candidates = room->n_candidates;
    for (; p < end && p->rank < hi; p++) {
        uint64_t size = x->size[p->rank], bit = (uint64_t)1 << p->rank % 64, *word = &seen[p->rank / 64];
        bool fresh = !(*word & bit);
        *word |= bit;
        room->met[n_met] = p->rank;
        n_met += fresh;
        room->candidate[n_candidates] = p->rank;
        n_candidates += fresh & prefix_reaches(r, min_u64(n - i, size - p->place), n, size);
    }
    room->n_met = n_met;
    room->n_candidates = n_candidates;
}

/* Look a prefix up. All lists are found before the first is read, so that memory is waited for once. */
static void look_up(const struct sets *s, struct probe_room *room, const uint32_t *prefix,
                    uint64_t n_prefix) {
    const struct prefix_index *x = &s->index;
    const struct window *w = &room->window;
    uint64_t count;
    for (uint64_t i = 0; i < n_prefix; i++) {
        const struct posting *p = prefix_index_find(x, prefix[i], false, &count);
        __builtin_prefetch(p + (count * w->least.share >> 32));
    }
    for (uint64_t i = 0; i < n_prefix; i++) {
        const struct posting *p = prefix_index_find(x, prefix[i], false, &count);
        scan(x, room, s->rule, w->size, i, skip_below(p, count, w->least), p + count, w->end);
        if (w->larger.rank >= w->end)
            continue;
        p = prefix_index_find(x, prefix[i], true, &count);
        scan(x, room, s->rule, w->size, i, skip_below(p, count, w->larger), p + count, w->end);
    }
}

static bool may_pair(const struct exact_plan *plan, const struct exact_meeting *m, uint64_t stay,
                     uint64_t moving) {
    return !(m->unequal && plan->stay.first + stay == m->moving.first + moving);
}

/* Sets of n and of the rank's size that share enough differ in few elements. */
static bool is_near(const struct sets *s, const uint64_t *bits, uint64_t n, uint32_t rank) {
    uint64_t size = s->index.size[rank], most = n + size - 2 * prefix_overlap(s->rule, n, size);
    return parity_distance(bits, s->parity + (uint64_t)rank * PARITY_WORDS, s->simd) <= most;
}

/* Whether the row that stays and the set that comes by are near enough: the left one first. */
static bool is_pair(const struct exact_plan *plan, uint64_t stay, const void *set, uint64_t n,
                    double *value) {
    const struct records *r = &plan->stay.records;
    const void *row = records_row(r, stay);
    uint64_t size = records_length(r, stay);
    return plan->left_stays ? plan->family->verify(&plan->threshold, row, size, set, n, r->item, value)
                            : plan->family->verify(&plan->threshold, set, n, row, size, r->item, value);
}

/* A number for a row that moves, which it shares with no other that stays or moves. */
static uint64_t number_of(const struct exact_meeting *m, uint64_t row) {
    const uint64_t other_side = (uint64_t)1 << 63;
    return (m->moving.first + row) | (m->among ? 0 : other_side);
}

/* Decide on the n rows that stay of room->row. */
static void verify(const struct exact_plan *plan, const struct exact_meeting *m, struct mover mover,
                   struct probe_room *room, uint64_t n, struct finds *found) {
    const struct records *r = &plan->stay.records;
    const void *set = records_row(&m->moving.records, mover.row);
    const struct family_run run = {.record = set,
                                   .items = mover.n,
                                   .number = number_of(m, mover.row),
                                   .records = r,
                                   .first = plan->stay.first,
                                   .rows = room->row,
                                   .n = n,
                                   .deltas = room->deltas};
    if (n >= FAMILY_RUN && plan->family->verify_run)
        plan->family->verify_run(&plan->threshold, &run, room->value);
    else
        for (uint64_t k = 0; k < n; k++)
            if (!is_pair(plan, room->row[k], set, mover.n, &room->value[k]))
                room->value[k] = NAN;
    found->looked += n;
    for (uint64_t k = 0; k < n; k++)
        if (room->value[k] > 0) /* those that share a place only may reach a threshold of 0 */
            exact_add(found, room->row[k], mover.row, room->value[k]);
}

static void compare(struct sets *s, const struct exact_plan *plan, const struct exact_meeting *m,
                    struct mover mover, struct probe_room *room, struct finds *found) {
    enum { AHEAD = 8 };
    uint64_t n_near = 0, own[PARITY_WORDS];
    const uint64_t *bits = s->turn ? s->parity + mover.rank * PARITY_WORDS : own;
    if (!s->turn)
        parity_of(records_row(&m->moving.records, mover.row), mover.n, m->moving.records.item, own);
    for (uint64_t k = 0; k < min_u64(AHEAD, room->n_candidates); k++)
        __builtin_prefetch(s->parity + (uint64_t)room->candidate[k] * PARITY_WORDS);
    for (uint64_t k = 0; k < room->n_candidates; k++) {
        if (k + AHEAD < room->n_candidates)
            __builtin_prefetch(s->parity + (uint64_t)room->candidate[k + AHEAD] * PARITY_WORDS);
        uint32_t rank = room->candidate[k];
        if (may_pair(plan, m, s->index.row[rank], mover.row) && is_near(s, bits, mover.n, rank))
            room->row[n_near++] = s->index.row[rank];
    }
    if (n_near > 0)
        verify(plan, m, mover, room, n_near, found);
}

/* The prefix of a set that comes by: it is there where the set stays too. */
static const uint32_t *prefix_of(const struct sets *s, const struct exact_plan *plan,
                                 const struct exact_meeting *m, struct mover mover, struct probe_room *room) {
    if (s->turn)
        return s->index.prefix + s->index.at[mover.rank];
    make_room(room, mover.n);
    rarity_prefix(plan->rarity, records_row(&m->moving.records, mover.row), mover.n, m->moving.records.item,
                  prefix_length(s->rule, mover.n), room->prefix, room->prefix + room->capacity);
    return room->prefix;
}

static void join_set(struct sets *s, const struct exact_plan *plan, const struct exact_meeting *m,
                     struct mover mover, struct probe_room *room, struct finds *found) {
    const uint32_t *prefix = prefix_of(s, plan, m, mover, room);
    set_window(s, mover, &room->window);
    look_up(s, room, prefix, prefix_length(s->rule, mover.n));
    if (room->n_candidates > 0)
        compare(s, plan, m, mover, room, found);
    for (uint64_t k = 0; k < room->n_met; k++)
        room->seen[room->met[k] / 64] = 0;
    room->n_met = room->n_candidates = 0;
}

/* Ask for the places of a set's lists, which is known ahead where it stays too. */
static void prefetch_lists(const struct prefix_index *x, uint64_t rank) {
    for (uint64_t i = x->at[rank]; i < x->at[rank + 1]; i++)
        __builtin_prefetch(x->first + 2 * (uint64_t)x->prefix[i]);
}

static void work(void *state, const struct exact_plan *plan, const struct exact_meeting *m, uint64_t unit,
                 int thread, struct finds *found) {
    struct sets *s = state;
    const struct prefix_index *x = &s->index;
    uint64_t end = min_u64(m->moving.records.n, (unit + 1) * UNIT);
    for (uint64_t turn = unit * UNIT; turn < end; turn++) {
        struct mover mover = {.row = turn};
        if (s->turn) {
            mover.rank = s->turn[turn];
            mover.row = x->row[mover.rank] + plan->stay.first - m->moving.first;
        }
        mover.n = s->turn ? x->size[mover.rank] : records_length(&m->moving.records, turn);
        if (s->among && !s->turn && mover.n > 0)
            mover.rank = place_of(x, mover.n, (int64_t)(m->moving.first + turn - plan->stay.first));
        if (s->turn && turn + 1 < end)
            prefetch_lists(x, s->turn[turn + 1]);
        if (mover.n > 0)
            join_set(s, plan, m, mover, &s->room[thread], found);
    }
}

const struct exact_method exact_sets = {create, destroy, begin, work};
