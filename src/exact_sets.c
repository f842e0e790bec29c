/* Exact joins of sets: each set that comes by looks its prefix up in an index of the prefixes of those that
 * stay. */
#include <stdlib.h>
#include <string.h>

#include "exact_method.h"
#include "lshjoin/base.h"
#include "lshjoin/parity.h"
#include "lshjoin/prefix.h"

enum { UNIT = 16 }; /* moving rows */

/* What a thread needs for one set. */
struct probe_room {
    uint64_t *prefix; /* [2 * capacity] */
    uint64_t capacity;
    uint64_t *seen;      /* a bit for each rank of the index: met already */
    uint32_t *candidate; /* [n_candidates] ranks that passed */
    uint32_t *met;       /* [n_met] ranks whose bit is set */
    uint64_t n_met, n_candidates, met_capacity;
};

struct sets {
    struct prefix_index index;
    uint64_t *parity; /* [ranks][PARITY_WORDS] */
    enum simd simd;
    struct probe_room *room; /* [threads] */
    int threads;
};

struct parities {
    struct sets *sets;
    const struct records *records;
};

static void take_parities(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct parities *job = ctx;
    const struct prefix_index *x = &job->sets->index;
    for (uint64_t rank = lo; rank < hi; rank++)
        parity_of(records_row(job->records, x->row[rank]), x->size[rank], job->records->item,
                  job->sets->parity + rank * PARITY_WORDS);
}

static void *create(const struct exact_plan *plan) {
    struct sets *s = mem_zero(1, sizeof *s);
    s->index = prefix_index_create(plan->pool, plan->rarity, plan->threshold.exact, &plan->stay.records);
    s->simd = cpu_simd();
    s->parity = mem_alloc(s->index.n * PARITY_WORDS, sizeof *s->parity);
    pool_for(plan->pool, s->index.n, 1024, take_parities, &(struct parities){s, &plan->stay.records});
    s->threads = pool_threads(plan->pool);
    s->room = mem_zero((uint64_t)s->threads, sizeof *s->room);
    for (int t = 0; t < s->threads; t++)
        s->room[t].seen = mem_zero(s->index.n / 64 + 1, sizeof *s->room[t].seen);
    return s;
}

static void destroy(void *state) {
    struct sets *s = state;
    for (int t = 0; t < s->threads; t++) {
        free(s->room[t].prefix);
        free(s->room[t].seen);
        free(s->room[t].candidate);
        free(s->room[t].met);
    }
    free(s->room);
    free(s->parity);
    prefix_index_free(&s->index);
    free(s);
}

static uint64_t begin(void *state, const struct exact_plan *plan, const struct exact_meeting *meeting) {
    (void)state;
    (void)plan;
    return (meeting->moving.records.n + UNIT - 1) / UNIT;
}

static void make_room(struct probe_room *room, uint64_t size) {
    if (size > room->capacity) {
        free(room->prefix);
        room->capacity = 2 * size;
        room->prefix = mem_alloc(2 * room->capacity, sizeof *room->prefix);
    }
}

static const struct posting *skip_below(const struct posting *p, const struct posting *end, uint64_t rank) {
    while (p < end) {
        const struct posting *mid = p + (end - p) / 2;
        if (mid->rank < rank)
            p = mid + 1;
        else
            end = mid;
    }
    return p;
}

static void meet(struct probe_room *room, uint32_t rank, bool passes) {
    if (room->n_met == room->met_capacity) {
        room->met_capacity = max_u64(256, 2 * room->met_capacity);
        room->met = mem_grow(room->met, room->met_capacity, sizeof *room->met);
        room->candidate = mem_grow(room->candidate, room->met_capacity, sizeof *room->candidate);
    }
    room->seen[rank / 64] |= (uint64_t)1 << rank % 64;
    room->met[room->n_met++] = rank;
    if (passes)
        room->candidate[room->n_candidates++] = rank;
}

/* Ranks of sets that the moving one may pair with. Among the rows that stay, those below its own: no larger,
 * and each pair comes once. */
static void window(const struct sets *s, const struct exact_plan *plan, const struct exact_meeting *m,
                   uint64_t row, uint64_t n, uint64_t *lo, uint64_t *hi) {
    uint64_t least, most;
    prefix_sizes(plan->threshold.exact, n, &least, &most);
    *lo = prefix_index_rank(&s->index, least);
    if (m->among)
        *hi = s->index.rank[m->moving.first + row - plan->stay.first];
    else
        *hi = most < UINT32_MAX ? prefix_index_rank(&s->index, most + 1) : s->index.n;
}

/* Where a set of n is met for the first time is its first common element with us: that decides. */
static void look_up(const struct prefix_index *x, struct probe_room *room, struct fraction t, uint64_t n,
                    uint64_t n_prefix, uint64_t lo, uint64_t hi) {
    for (uint64_t i = 0; i < n_prefix; i++) {
        uint64_t count;
        const struct posting *p = prefix_index_find(x, room->prefix[i], &count), *end = p + count;
        for (p = skip_below(p, end, lo); p < end && p->rank < hi; p++) {
            if (room->seen[p->rank / 64] >> p->rank % 64 & 1)
                continue;
            uint64_t size = x->size[p->rank];
            meet(room, p->rank, prefix_reaches(t, min_u64(n - i, size - p->place), n, size));
        }
    }
}

static bool may_pair(const struct exact_plan *plan, const struct exact_meeting *m, uint64_t stay,
                     uint64_t moving) {
    return stay < m->stay_end && !(m->unequal && plan->stay.first + stay == m->moving.first + moving);
}

/* Sets of n and of the rank's size that share enough differ in few elements. */
static bool is_near(const struct sets *s, const uint64_t *bits, struct fraction t, uint64_t n,
                    uint32_t rank) {
    uint64_t size = s->index.size[rank], most = n + size - 2 * prefix_overlap(t, n, size);
    return parity_distance(bits, s->parity + (uint64_t)rank * PARITY_WORDS, s->simd) <= most;
}

static void compare(struct sets *s, const struct exact_plan *plan, const struct exact_meeting *m,
                    uint64_t row, struct probe_room *room, struct exact_found *found) {
    const struct records *a = &plan->stay.records, *b = &m->moving.records;
    const void *set = records_row(b, row);
    uint64_t n = records_length(b, row), bits[PARITY_WORDS];
    parity_of(set, n, b->item, bits);
    for (uint64_t k = 0; k < room->n_candidates; k++) {
        uint32_t rank = room->candidate[k];
        uint64_t stay = s->index.row[rank];
        double value;
        if (!may_pair(plan, m, stay, row) || !is_near(s, bits, plan->threshold.exact, n, rank))
            continue;
        found->comparisons++;
        if (plan->family->verify(&plan->threshold, records_row(a, stay), records_length(a, stay), set, n,
                                 b->item, &value))
            exact_add(found, stay, row, value);
    }
}

static void join_row(struct sets *s, const struct exact_plan *plan, const struct exact_meeting *m,
                     uint64_t row, struct probe_room *room, struct exact_found *found) {
    const struct records *b = &m->moving.records;
    uint64_t n = records_length(b, row), n_prefix = prefix_length(plan->threshold.exact, n), lo, hi;
    if (n == 0)
        return;
    make_room(room, n);
    rarity_prefix(plan->rarity, records_row(b, row), n, b->item, n_prefix, room->prefix,
                  room->prefix + room->capacity);
    window(s, plan, m, row, n, &lo, &hi);
    look_up(&s->index, room, plan->threshold.exact, n, n_prefix, lo, hi);
    if (room->n_candidates > 0)
        compare(s, plan, m, row, room, found);
    for (uint64_t k = 0; k < room->n_met; k++)
        room->seen[room->met[k] / 64] = 0;
    room->n_met = room->n_candidates = 0;
}

static void work(void *state, const struct exact_plan *plan, const struct exact_meeting *m, uint64_t unit,
                 int thread, struct exact_found *found) {
    struct sets *s = state;
    uint64_t end = min_u64(m->moving.records.n, (unit + 1) * UNIT);
    for (uint64_t row = unit * UNIT; row < end; row++)
        join_row(s, plan, m, row, &s->room[thread], found);
}

const struct exact_method exact_sets = {create, destroy, begin, work};
