/* Exact joins of weighted sets: as of sets (exact_sets.c), but what counts is weight. A set's elements in
 * order of rarity are its tokens, and its prefix are the first ones, up to where the rest weighs less than
 * the threshold asks for. Sets whose prefixes share no token are not similar: what they share is in the rest
 * of one. */
#include <math.h>
#include <stdlib.h>

#include "exact_method.h"
#include "lshjoin/base.h"
#include "lshjoin/sort.h"
#include "lshjoin/weighted.h"

enum { UNIT = 16 }; /* moving rows */

/* More than rounding takes from a sum of 2^31 weights, and from shares in single precision. */
static const double certain = 1 - 0x1p-20;

/* An element of a prefix by its number in order of rarity; and how much of the set it and what is behind it
 * weigh: of 1. */
struct token {
    uint32_t number;
    float rest;
};

/* The same in the list of its number: of set number `rank` by weight. */
struct posting {
    uint32_t rank;
    float rest;
};

/* A set's elements while they are put in order. */
struct ordering {
    uint32_t number, place;
    double weight;
};

/* What a thread needs for one set. */
struct weighted_room {
    struct ordering *order; /* [capacity] */
    struct token *token;    /* [capacity] */
    uint64_t capacity;
    uint64_t *seen;      /* a bit for each rank: met already */
    uint32_t *met;       /* [n_met] ranks whose bit is set */
    uint32_t *candidate; /* [n_candidates] ranks that passed */
    uint64_t n_met, n_candidates, most_met;
};

/* The sets that stay, ranked by weight, ties by row. */
struct weighted_sets {
    uint64_t n;
    uint32_t *row, *rank;       /* [n] of each rank, of each row */
    double *total;              /* [n] weight of each rank */
    struct token *token;        /* [items] those of each row's prefix, from the place of its items on */
    uint64_t *length;           /* [n] of each row's prefix */
    uint64_t *first;            /* [numbers + 1] the first posting of each list */
    struct posting *posting;    /* of one list rising by rank, then by place in the prefix */
    struct weighted_room *room; /* [threads] */
    int threads;
};

/* A set that comes by. */
struct weighted_mover {
    const void *set;
    uint64_t row, n; /* in the block; items */
    double total;
    const struct token *prefix;
    uint64_t n_prefix;
    uint64_t begin, end; /* the ranks that weigh neither too little nor too much, and that it may meet */
};

static int compare_places(const void *a, const void *b) {
    const struct ordering *x = a, *y = b;
    if (x->number != y->number)
        return x->number > y->number ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

/* The prefix of a set into token[n]. Returns its length. */
static uint64_t make_prefix(const struct exact_plan *plan, const void *set, uint64_t n, size_t item,
                            struct ordering *order, struct token *token) {
    const struct fraction t = plan->threshold.exact;
    if (n == 0) /* there may be no memory for what qsort would get */
        return 0;
    double total = weighted_total(set, n, item), least = (double)t.p / (double)t.q * certain, rest = 0;
    for (uint64_t k = 0; k < n; k++) {
        struct weighted_wide x = weighted_item(set, k, item);
        order[k] = (struct ordering){rarity_number(plan->rarity, x.element), (uint32_t)k, x.weight};
    }
    qsort(order, n, sizeof *order, compare_places);
    for (uint64_t k = n; k-- > 0;) {
        rest += order[k].weight;
        token[k] = (struct token){order[k].number, (float)(rest / total)};
    }
    uint64_t length = 0;
    while (length < n && (double)token[length].rest >= least)
        length++;
    return length;
}

static void make_room(struct weighted_room *room, uint64_t n) {
    if (n <= room->capacity)
        return;
    room->capacity = 2 * n;
    room->order = mem_grow(room->order, room->capacity, sizeof *room->order);
    room->token = mem_grow(room->token, room->capacity, sizeof *room->token);
}

static void rank_rows(struct weighted_sets *s, struct pool *pool, const struct records *r) {
    struct u64_pair *by_weight = mem_alloc(s->n, sizeof *by_weight), *spare = mem_alloc(s->n, sizeof *spare);
    union {
        double weight;
        uint64_t bits; /* in the same order, as no weight is negative */
    } total;
    for (uint64_t row = 0; row < s->n; row++) {
        total.weight = weighted_total(records_row(r, row), records_length(r, row), r->item);
        by_weight[row] = (struct u64_pair){total.bits, row};
    }
    sort_pairs(pool, by_weight, spare, s->n);
    for (uint64_t k = 0; k < s->n; k++) {
        total.bits = by_weight[k].first;
        s->total[k] = total.weight;
        s->row[k] = (uint32_t)by_weight[k].second;
        s->rank[s->row[k]] = (uint32_t)k;
    }
    free(spare);
    free(by_weight);
}

struct making {
    struct weighted_sets *sets;
    const struct exact_plan *plan;
    uint64_t *next; /* [numbers] of each list its number of postings, then where the next one goes */
};

static struct token *prefix_at(const struct weighted_sets *s, const struct records *r, uint64_t row) {
    return s->token + (r->offset[row] - r->offset[0]);
}

static void make_prefixes(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    const struct making *job = ctx;
    const struct records *r = &job->plan->stay.records;
    struct weighted_room *room = &job->sets->room[thread];
    for (uint64_t row = lo; row < hi; row++) {
        uint64_t n = records_length(r, row);
        make_room(room, n);
        job->sets->length[row] = make_prefix(job->plan, records_row(r, row), n, r->item, room->order,
                                             prefix_at(job->sets, r, row));
    }
}

/* Counts the postings of numbers [lo, hi), or puts them where there is room for them. Every thread looks at
 * all prefixes for its own numbers: they are read in a row, and lists need no locks. */
static void walk_postings(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct making *job = ctx;
    const struct weighted_sets *s = job->sets;
    for (uint64_t k = 0; k < s->n; k++) {
        const struct token *prefix = prefix_at(s, &job->plan->stay.records, s->row[k]);
        for (uint64_t i = 0; i < s->length[s->row[k]]; i++)
            if (prefix[i].number - lo < hi - lo) {
                uint64_t place = job->next[prefix[i].number]++;
                if (s->posting)
                    s->posting[place] = (struct posting){(uint32_t)k, prefix[i].rest};
            }
    }
}

static void make_lists(struct making *job, struct pool *pool) {
    struct weighted_sets *s = job->sets;
    uint64_t numbers = job->plan->rarity->used, sum = 0;
    uint64_t pieces = pool_threads(pool) == 1 ? 1 : 4 * (uint64_t)pool_threads(pool);
    s->first = mem_zero(numbers + 2, sizeof *s->first);
    job->next = s->first + 1; /* what ends a list begins the next one */
    pool_for(pool, numbers, numbers / pieces + 1, walk_postings, job);
    for (uint64_t list = 0; list <= numbers; list++) {
        uint64_t count = job->next[list];
        job->next[list] = sum;
        sum += count;
    }
    s->posting = mem_alloc(sum, sizeof *s->posting);
    pool_for(pool, numbers, numbers / pieces + 1, walk_postings, job);
}

static void *create(const struct exact_plan *plan) {
    const struct records *r = &plan->stay.records;
    struct weighted_sets *s = mem_zero(1, sizeof *s);
    s->n = r->n;
    s->row = mem_alloc(s->n, sizeof *s->row);
    s->rank = mem_alloc(s->n, sizeof *s->rank);
    s->total = mem_alloc(s->n, sizeof *s->total);
    s->length = mem_alloc(s->n, sizeof *s->length);
    s->token = mem_alloc(r->offset[r->n] - r->offset[0], sizeof *s->token);
    s->threads = pool_threads(plan->pool);
    s->room = mem_zero((uint64_t)s->threads, sizeof *s->room);
    for (int t = 0; t < s->threads; t++)
        s->room[t].seen = mem_zero(s->n / 64 + 1, sizeof *s->room[t].seen);
    rank_rows(s, plan->pool, r);
    struct making job = {s, plan, NULL};
    pool_for(plan->pool, s->n, 256, make_prefixes, &job);
    make_lists(&job, plan->pool);
    return s;
}

static void destroy(void *state) {
    struct weighted_sets *s = state;
    for (int t = 0; t < s->threads; t++) {
        free(s->room[t].order);
        free(s->room[t].token);
        free(s->room[t].seen);
        free(s->room[t].met);
        free(s->room[t].candidate);
    }
    free(s->room);
    free(s->row);
    free(s->rank);
    free(s->total);
    free(s->length);
    free(s->token);
    free(s->first);
    free(s->posting);
    free(s);
}

static uint64_t begin(void *state, const struct exact_plan *plan, const struct exact_meeting *meeting) {
    (void)state;
    (void)plan;
    return (meeting->moving.records.n + UNIT - 1) / UNIT;
}

/* Whether the lighter of two sets weighs enough beside the other. */
static bool weighs_enough(double threshold, double light, double heavy) {
    return light >= threshold * heavy;
}

/* The first rank that, beside a set of weight `total`, weighs enough; or, of those that are heavier, too
 * much.
 */
static uint64_t find_rank(const struct weighted_sets *s, double threshold, double total, bool too_heavy) {
    uint64_t lo = 0, hi = s->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        bool below = too_heavy ? s->total[mid] <= total || weighs_enough(threshold, total, s->total[mid])
                               : s->total[mid] < total && !weighs_enough(threshold, s->total[mid], total);
        if (below)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static const struct posting *first_of_rank(const struct posting *p, const struct posting *end,
                                           uint64_t rank) {
    while (p < end) {
        const struct posting *mid = p + (end - p) / 2;
        if (mid->rank < rank)
            p = mid + 1;
        else
            end = mid;
    }
    return p;
}

/* Room for `more` that are met. */
static void make_place(struct weighted_room *room, uint64_t more) {
    if (room->n_met + more <= room->most_met)
        return;
    room->most_met = 2 * (room->n_met + more);
    room->met = mem_grow(room->met, room->most_met, sizeof *room->met);
    room->candidate = mem_grow(room->candidate, room->most_met, sizeof *room->candidate);
}

/* What similar sets share at least, of the sum of both weights. */
static double shared_part(struct fraction t) {
    return (double)t.p / (double)(t.p + t.q) * certain;
}

/* Look a prefix up. The first token that two sets share decides: all that they share is in both rests. */
static void look_up(const struct weighted_sets *s, const struct weighted_mover *m, struct fraction t,
                    struct weighted_room *room) {
    const double share = shared_part(t);
    for (uint64_t i = 0; i < m->n_prefix; i++) {
        const struct posting *end = s->posting + s->first[m->prefix[i].number + 1];
        const struct posting *p = first_of_rank(s->posting + s->first[m->prefix[i].number], end, m->begin);
        make_place(room, (uint64_t)(end - p));
        for (; p < end && p->rank < m->end; p++) {
            uint64_t bit = (uint64_t)1 << p->rank % 64, *word = &room->seen[p->rank / 64];
            if (*word & bit)
                continue;
            *word |= bit;
            room->met[room->n_met++] = p->rank;
            double total = s->total[p->rank];
            if (fmin((double)m->prefix[i].rest * m->total, (double)p->rest * total) >=
                share * (m->total + total))
                room->candidate[room->n_candidates++] = p->rank;
        }
    }
}

static void compare(const struct weighted_sets *s, const struct exact_plan *plan,
                    const struct exact_meeting *meeting, const struct weighted_mover *m,
                    const struct weighted_room *room, struct finds *found) {
    const struct records *r = &plan->stay.records;
    const double apart = 1 - 2 * shared_part(plan->threshold.exact) + (1 - certain);
    for (uint64_t k = 0; k < room->n_candidates; k++) {
        uint64_t row = s->row[room->candidate[k]];
        double value, all = m->total + s->total[room->candidate[k]];
        if (meeting->unequal && plan->stay.first + row == meeting->moving.first + m->row)
            continue;
        found->looked++;
        if (weighted_within(records_row(r, row), records_length(r, row), m->set, m->n, r->item,
                            apart * all) &&
            plan->family->verify(&plan->threshold, records_row(r, row), records_length(r, row), m->set, m->n,
                                 r->item, &value) &&
            value > 0) /* those that share a place only may reach a threshold of 0 */
            exact_add(found, row, m->row, value);
    }
}

/* The rank that a set would have that comes by, where the first row that stays has number 0: each pair comes
 * once, with the one of lower rank. */
static uint64_t place_of(const struct weighted_sets *s, double total, int64_t number) {
    uint64_t lo = 0, hi = s->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (s->total[mid] < total || (s->total[mid] == total && (int64_t)s->row[mid] < number))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void join_set(struct weighted_sets *s, const struct exact_plan *plan,
                     const struct exact_meeting *meeting, uint64_t row, struct weighted_room *room,
                     struct finds *found) {
    const struct records *r = &meeting->moving.records;
    struct weighted_mover m = {.set = records_row(r, row), .row = row, .n = records_length(r, row)};
    const struct fraction t = plan->threshold.exact;
    double threshold = (double)t.p / (double)t.q * certain;
    if (m.n == 0)
        return;
    m.total = weighted_total(m.set, m.n, r->item);
    m.begin = find_rank(s, threshold, m.total, false);
    uint64_t stay = row + meeting->moving.first - plan->stay.first; /* huge if it is below */
    if (meeting->among && stay < s->n) {                            /* it stays here too */
        m.end = s->rank[stay];
        m.prefix = prefix_at(s, &plan->stay.records, stay);
        m.n_prefix = s->length[stay];
    } else {
        make_room(room, m.n);
        m.end = meeting->among ? place_of(s, m.total, (int64_t)stay) : find_rank(s, threshold, m.total, true);
        m.prefix = room->token;
        m.n_prefix = make_prefix(plan, m.set, m.n, r->item, room->order, room->token);
    }
    look_up(s, &m, t, room);
    compare(s, plan, meeting, &m, room, found);
    for (uint64_t k = 0; k < room->n_met; k++)
        room->seen[room->met[k] / 64] = 0;
    room->n_met = room->n_candidates = 0;
}

static void work(void *state, const struct exact_plan *plan, const struct exact_meeting *meeting,
                 uint64_t unit, int thread, struct finds *found) {
    struct weighted_sets *s = state;
    uint64_t end = min_u64(meeting->moving.records.n, (unit + 1) * UNIT);
    for (uint64_t row = unit * UNIT; row < end; row++)
        join_set(s, plan, meeting, row, &s->room[thread], found);
}

const struct exact_method exact_weighted = {create, destroy, begin, work};
