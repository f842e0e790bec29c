#include "exact_job.h"

#include <math.h>
#include <stdlib.h>

#include "comm_stream.h"
#include "lshjoin/exact.h"
#include "sieves.h"

/* Pairs of a batch of top-k: few, since each batch makes the limits stricter. */
enum { NEAREST_BATCH = 1 << 18 };

/* What a checkpoint may come after: about so many steps, of rows that move, by whole multiples of some. */
enum { STEPS = 64, STEP_UNIT = 2048 };

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
    struct exact_rows going;  /* this rank's */
    uint64_t compared_before; /* in an earlier run of the job */
    struct sieves sieves;
    struct rarity rarity;
    double *limit; /* [rows that stay] of top-k */
    struct exact *exact;
};

/* Where the rows of one input (0 or 1) that each rank holds begin, as the input numbers them: [ranks+1], to
 * free. */
static uint64_t *starts_of(const struct shard *s, int input) {
    uint64_t base = input ? s->split : 0, end = input ? s->rows : s->split;
    uint64_t *start = mem_alloc((uint64_t)s->ranks + 1, sizeof *start);
    for (int r = 0; r <= s->ranks; r++)
        start[r] = min_u64(max_u64(s->start[r], base), end) - base;
    return start;
}

/* This rank's rows of one input. */
static struct exact_rows side(const struct inputs *in, int input) {
    uint64_t *start = starts_of(&in->shard, input);
    struct exact_rows rows = {in->records, start[in->shard.rank]};
    struct records *r = &rows.records;
    r->n = start[in->shard.rank + 1] - rows.first;
    uint64_t skip = input ? in->records.n - r->n : 0;
    if (r->offset)
        r->offset += skip;
    else if (r->n > 0)
        r->data = (char *)r->data + skip * r->width * r->item;
    free(start);
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

static struct exact_meeting meeting_of(const struct exact_job *j, const struct stream_portion *p) {
    bool self = j->in->shard.self_join;
    return (struct exact_meeting){.moving = {p->rows, p->first},
                                  .among = self && !j->one_way,
                                  .unequal = self ? j->one_way : inputs_exclude(j->in, j->o)};
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
static int meet(struct exact_job *j, const struct stream_portion *portion, double done, double share,
                struct error *e) {
    struct exact_meeting m = meeting_of(j, portion);
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
    return e->status;
}

/* Collective. Everything before this row has met: if it ends a step, a checkpoint may be due. */
static int end_step(struct exact_job *j, uint64_t row, uint64_t step, struct error *e) {
    j->metrics->count[COUNT_CANDIDATES] = j->compared_before + exact_comparisons(j->exact);
    if (row % step == 0 && sink_step_is_due(j->sink, e))
        sink_end_step(j->sink, row / step, e);
    return e->status;
}

/* Collective. All rows of the side that moves come by. */
static void join(struct exact_job *j, struct error *e) {
    int moving = j->in->shard.self_join ? 0 : j->left_stays;
    uint64_t *start = starts_of(&j->in->shard, moving), rows = start[j->in->shard.ranks];
    uint64_t step = (rows / STEPS / STEP_UNIT + 1) * STEP_UNIT;
    struct stream *stream = comm_stream_begin(j->c, start, &j->going.records, sink_first_step(j->sink) * step,
                                              step, j->o->round_bytes);
    struct stream_portion portion;
    double done, share;
    metrics_phase(j->metrics, "join", "comparisons");
    while (!e->status && comm_stream_next(stream, &portion, &done, &share)) {
        if (!meet(j, &portion, done, share, e))
            end_step(j, portion.first + portion.rows.n, step, e);
        metrics_stage(j->metrics, STAGE_EXCHANGE);
        j->metrics->rounds++;
    }
    comm_stream_end(stream);
    free(start);
}

bool exact_is_one_way(const struct options *o, const struct family *family) {
    return o->exact && o->top_k && family->is_of_vectors;
}

int exact_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
               const struct threshold *threshold, struct sink *sink, struct metrics *m, struct error *e) {
    struct exact_job j = {.c = c, .o = o, .in = in, .sink = sink, .metrics = m};
    j.compared_before = m->count[COUNT_CANDIDATES];
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
    join(&j, e);
    exact_free(j.exact);
    free(j.limit);
    sieves_free(&j.sieves);
    rarity_free(&j.rarity);
    return e->status;
}
