#include "exact_job.h"

#include <math.h>
#include <stdlib.h>

#include "comm_ring.h"
#include "lshjoin/exact.h"
#include "sieves.h"

/* Pairs of a batch of top-k: few, since each batch makes the limits stricter. */
enum { NEAREST_BATCH = 1 << 18 };

/* Who meets whom. One-way: of top-k, where each left row's own rank sees all its pairs, so that its k-th
 * nearest so far limits the search; self-joins then meet in both directions. */
struct exact_job {
    struct comm *c;
    const struct options *o;
    const struct inputs *in;
    struct sink *sink;
    struct metrics *metrics;
    bool one_way, left_stays;
    struct exact_plan plan;
    struct exact_rows going; /* this rank's */
    struct sieves sieves;
    struct rarity rarity;
    double *limit; /* [rows that stay] of top-k */
    struct exact *exact;
};

/* The rows of one input (0 or 1) that a rank holds: *first in that input, and how many. */
static uint64_t rows_of(const struct shard *s, int rank, int input, uint64_t *first) {
    uint64_t base = input ? s->split : 0, end = input ? s->rows : s->split;
    uint64_t lo = max_u64(s->start[rank], base), hi = min_u64(s->start[rank + 1], end);
    *first = lo < hi ? lo - base : 0;
    return lo < hi ? hi - lo : 0;
}

/* n of these rows, from number `skip` of them on, where they are. */
static struct exact_rows part(struct exact_rows rows, uint64_t skip, uint64_t n) {
    rows.first += skip;
    rows.records.n = n;
    if (rows.records.offset)
        rows.records.offset += skip;
    else if (n > 0)
        rows.records.data = (char *)rows.records.data + skip * rows.records.width * rows.records.item;
    return rows;
}

/* This rank's rows of one input. */
static struct exact_rows side(const struct inputs *in, int input) {
    struct exact_rows rows = {.records = in->records};
    uint64_t first, n = rows_of(&in->shard, in->shard.rank, input, &first);
    rows = part(rows, input ? in->records.n - n : 0, n);
    rows.first = first;
    return rows;
}

static void prepare_vectors(struct exact_job *j) {
    j->sieves = sieves_create(j->c, j->in->family, &j->in->records, j->in->largest_norm);
    j->plan.sieve = &j->sieves.sieve;
    j->plan.coarse = &j->sieves.coarse;
}

static void prepare_sets(struct exact_job *j) {
    const struct records *r = &j->in->records;
    size_t width = j->in->family->is_weighted ? r->item / 2 : r->item; /* the other half is the weight */
    uint64_t items = records_items(r), largest = records_max_element(r, width);
    comm_sum(j->c, &items, 1);
    comm_max(j->c, &largest, 1);
    j->rarity = rarity_create(items, largest);
    rarity_count(&j->rarity, j->plan.pool, r, width);
    comm_sum(j->c, j->rarity.count, j->rarity.places);
    rarity_sort(&j->rarity);
    j->plan.rarity = &j->rarity;
}

/* Of two inputs the larger one stays, so that less travels. */
static void choose_sides(struct exact_job *j) {
    const struct input *of = j->in->of;
    uint64_t size[] = {of[0].rows + of[0].elements, of[1].rows + of[1].elements};
    j->one_way = j->sink->one_way;
    j->left_stays = j->in->shard.self_join || j->one_way || size[0] >= size[1];
    j->plan.stay = side(j->in, !j->left_stays);
    j->going = j->in->shard.self_join ? j->plan.stay : side(j->in, j->left_stays);
}

static void open_limits(struct exact_job *j) {
    j->limit = mem_alloc(j->plan.stay.records.n, sizeof *j->limit);
    for (uint64_t row = 0; row < j->plan.stay.records.n; row++)
        j->limit[row] = sink_limit(j->sink, row);
    j->plan.limit = j->limit;
}

/* Two ranks that lie opposite each other in a ring that both go half way around meet twice: one then takes
 * its first half with all rows of the other, the other all of its rows with the second half of the first's.
 */
static struct exact_meeting meeting_of(const struct exact_job *j, const struct ring_block *block) {
    const struct shard *s = &j->in->shard;
    struct exact_meeting m = {.moving.records = block->rows, .stay_end = j->plan.stay.records.n};
    uint64_t rows = rows_of(s, block->from, s->self_join ? 0 : j->left_stays, &m.moving.first);
    m.moving.first += block->first;
    m.among = s->self_join && !j->one_way && block->distance == 0;
    m.unequal = s->self_join ? j->one_way : inputs_exclude(j->in, j->o);
    if (!s->self_join || j->one_way || block->distance == 0 || 2 * block->distance != s->ranks)
        return m;
    if (s->rank < block->from) {
        m.stay_end /= 2;
    } else {
        uint64_t skip = max_u64(block->first, rows / 2) - block->first;
        skip = min_u64(skip, block->rows.n);
        m.moving = part(m.moving, skip, block->rows.n - skip);
    }
    return m;
}

static struct pair *name_pairs(const struct exact_job *j, const struct exact_meeting *m,
                               const struct exact_pair *found, uint64_t n) {
    struct pair *pairs = mem_alloc(n, sizeof *pairs);
    bool symmetric = j->in->shard.self_join && !j->one_way;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t a = j->plan.stay.first + found[i].stay, b = m->moving.first + found[i].moving;
        bool turned = symmetric ? a > b : !j->left_stays;
        pairs[i] = (struct pair){turned ? b : a, turned ? a : b, found[i].value, 0};
    }
    return pairs;
}

/* Collective. A batch of pairs found goes on. */
static void hand_on(struct exact_job *j, const struct exact_meeting *m, const struct exact_pair *found,
                    uint64_t n, struct error *e) {
    struct pair *pairs = name_pairs(j, m, found, n);
    sink_take(j->sink, pairs, n, e);
    for (uint64_t i = 0; i < n && j->one_way; i++)
        j->limit[found[i].stay] = sink_limit(j->sink, found[i].stay);
    free(pairs);
    j->metrics->batches++;
}

/* Collective. All pairs of one meeting; `done` and `share` of all meetings. */
static void meet(struct exact_job *j, const struct ring_block *block, double done, double share,
                 struct error *e) {
    struct exact_meeting m = meeting_of(j, block);
    uint64_t most = max_u64(1, j->o->round_bytes / EXACT_SHARE / sizeof(struct pair)), any = true, n;
    if (j->one_way)
        most = min_u64(most, NEAREST_BATCH);
    metrics_stage(j->metrics, STAGE_VERIFY);
    exact_meet(j->exact, &m);
    while (any && !e->status) {
        bool more;
        metrics_stage(j->metrics, STAGE_VERIFY);
        const struct exact_pair *found = exact_next(j->exact, most, &n, &more);
        metrics_progress(j->metrics, done + share * exact_share(j->exact), exact_comparisons(j->exact));
        metrics_stage(j->metrics, STAGE_EXCHANGE);
        any = more;
        comm_max(j->c, &any, 1);
        hand_on(j, &m, found, n, e);
    }
}

/* Collective. Go around. */
static void go_around(struct exact_job *j, struct error *e) {
    int size = comm_size(j->c), distance = size - 1;
    if (j->in->shard.self_join && !j->one_way)
        distance = size / 2;
    struct ring *ring = comm_ring_begin(j->c, &j->going.records, distance, j->o->round_bytes);
    struct ring_block block;
    double done, share;
    metrics_phase(j->metrics, "join", "comparisons");
    while (!e->status && comm_ring_next(ring, &block, &done, &share)) {
        meet(j, &block, done, share, e);
        metrics_stage(j->metrics, STAGE_EXCHANGE);
        j->metrics->rounds++;
    }
    comm_ring_end(ring);
    j->metrics->count[COUNT_CANDIDATES] = exact_comparisons(j->exact);
}

bool exact_is_one_way(const struct options *o, const struct family *family) {
    return o->exact && o->top_k && family->is_of_vectors;
}

int exact_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
               const struct threshold *threshold, struct sink *sink, struct metrics *m, struct error *e) {
    struct exact_job j = {.c = c, .o = o, .in = in, .sink = sink, .metrics = m};
    j.plan = (struct exact_plan){.pool = pool, .family = in->family, .threshold = *threshold};
    metrics_stage(m, STAGE_VERIFY);
    choose_sides(&j);
    if (in->family->is_of_vectors)
        prepare_vectors(&j);
    else
        prepare_sets(&j);
    if (j.one_way)
        open_limits(&j);
    j.exact = exact_create(&j.plan);
    go_around(&j, e);
    exact_free(j.exact);
    free(j.limit);
    sieves_free(&j.sieves);
    rarity_free(&j.rarity);
    return e->status;
}
