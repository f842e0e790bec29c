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

/* Rows of all ranks, by their numbers. */
struct part {
    uint64_t begin, end;
};

/* One side stays, the other comes by; `among`: they are the same. Where pairs are ordered those that stay are
 * left, or right. */
struct pass {
    struct part stay, going;
    bool among, left_stays;
    uint64_t first_step; /* of the job's steps, which are counted through */
};

/* Who meets whom. One-way: of top-k, where each left row's own rank sees all its pairs, so that its k-th
 * nearest so far limits the search. Ordered: then, and where the family is directed, self-joins meet in both
 * directions. */
struct exact_job {
    struct comm *c;
    struct pool *pool;
    const struct threshold *threshold;
    const struct options *o;
    const struct inputs *in;
    struct sink *sink;
    struct metrics *metrics;
    bool one_way, ordered;
    struct sieves sieves;
    struct rarity rarity;
    uint64_t compared_before; /* in an earlier run of the job, or another pass */
    struct pass pass;
    struct exact_plan plan;
    double *limit; /* [rows that stay] of top-k */
    struct exact *exact;
};

/* Where the rows of a part that each rank holds begin: [ranks+1], numbered as pairs number them, of two
 * inputs each from 0; to free. */
static uint64_t *starts_of(const struct shard *s, struct part part) {
    uint64_t *start = mem_alloc((uint64_t)s->ranks + 1, sizeof *start);
    for (int r = 0; r <= s->ranks; r++)
        start[r] = min_u64(max_u64(s->start[r], part.begin), part.end) - (s->self_join ? 0 : part.begin);
    return start;
}

/* This rank's rows of a part. */
static struct exact_rows side(const struct inputs *in, struct part part) {
    uint64_t *start = starts_of(&in->shard, part), mine = in->shard.start[in->shard.rank];
    struct exact_rows rows = {in->records, start[in->shard.rank]};
    struct records *r = &rows.records;
    r->n = start[in->shard.rank + 1] - rows.first;
    uint64_t skip = min_u64(max_u64(part.begin, mine) - mine, in->records.n);
    if (r->offset)
        r->offset += skip;
    else if (r->n > 0)
        r->data = (char *)r->data + skip * r->width * r->item;
    free(start);
    return rows;
}

static void prepare_vectors(struct exact_job *j) {
    j->sieves = sieves_create(j->c, j->in->family, &j->in->records, j->in->largest_norm);
}

static void prepare_sets(struct exact_job *j) {
    const struct records *r = &j->in->records;
    size_t width = j->in->family->is_weighted ? r->item / 2 : r->item; /* the other half is the weight */
    uint64_t items = records_items(r), largest = records_max_element(r, width);
    comm_sum(j->c, &items, 1);
    comm_max(j->c, &largest, 1);
    j->rarity = rarity_create(items, largest);
    rarity_count(&j->rarity, j->pool, r, width);
    comm_sum(j->c, j->rarity.count, j->rarity.places);
    rarity_sort(&j->rarity);
}

/* A part with itself. Of sets in others rows stay as right ones: those that come by then look few elements up
 * (prefix.h). */
static struct pass pass_within(const struct exact_job *j, struct part part) {
    return (struct pass){
        .stay = part, .going = part, .among = true, .left_stays = !j->in->family->is_directed};
}

/* Two inputs. The larger one stays, so that less travels. */
static struct pass pass_between(const struct exact_job *j) {
    const struct input *of = j->in->of;
    uint64_t size[] = {of[0].rows + of[0].elements, of[1].rows + of[1].elements};
    struct part left = {0, of[0].rows}, right = {of[0].rows, j->in->shard.rows};
    bool left_stays = j->one_way || size[0] >= size[1];
    return (struct pass){
        .stay = left_stays ? left : right, .going = left_stays ? right : left, .left_stays = left_stays};
}

/* Rows that come by in a step. */
static uint64_t step_of(const struct pass *p) {
    return ((p->going.end - p->going.begin) / STEPS / STEP_UNIT + 1) * STEP_UNIT;
}

static void open_limits(struct exact_job *j) {
    j->limit = mem_alloc(j->plan.stay.records.n, sizeof *j->limit);
    for (uint64_t row = 0; row < j->plan.stay.records.n; row++)
        j->limit[row] = sink_limit(j->sink, row);
    j->plan.limit = j->limit;
}

static struct exact_meeting meeting_of(const struct exact_job *j, const struct stream_portion *p) {
    return (struct exact_meeting){.moving = {p->rows, p->first},
                                  .among = j->pass.among && !j->ordered,
                                  .unequal = j->pass.among ? j->ordered : inputs_exclude(j->in, j->o)};
}

static struct pair *name_pairs(const struct exact_job *j, const struct exact_meeting *m,
                               const struct exact_pair *found, uint64_t n) {
    struct pair *pairs = mem_alloc(n, sizeof *pairs);
    bool symmetric = j->in->shard.self_join && !j->ordered;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t a = j->plan.stay.first + found[i].stay, b = m->moving.first + found[i].moving;
        bool turned = symmetric ? a > b : !j->pass.left_stays;
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

/* Collective. Everything before this one of the rows that come by has met: if it ends a step, a checkpoint
 * may be due. */
static int end_step(struct exact_job *j, uint64_t row, struct error *e) {
    uint64_t step = step_of(&j->pass);
    j->metrics->count[COUNT_CANDIDATES] = j->compared_before + exact_comparisons(j->exact);
    if (row % step == 0 && sink_step_is_due(j->sink, e))
        sink_end_step(j->sink, j->pass.first_step + row / step, e);
    return e->status;
}

/* Collective. All rows of the side that moves come by. */
static void pass_by(struct exact_job *j, struct error *e) {
    struct records going = side(j->in, j->pass.going).records;
    uint64_t *start = starts_of(&j->in->shard, j->pass.going), base = start[0];
    for (int r = 0; r <= j->in->shard.ranks; r++)
        start[r] -= base;
    uint64_t done_steps = max_u64(sink_first_step(j->sink), j->pass.first_step) - j->pass.first_step;
    struct stream *stream = comm_stream_begin(j->c, start, &going, done_steps * step_of(&j->pass),
                                              step_of(&j->pass), j->o->round_bytes);
    struct stream_portion portion;
    double done, share;
    metrics_phase(j->metrics, "join", "comparisons");
    while (!e->status && comm_stream_next(stream, &portion, &done, &share)) {
        uint64_t end = portion.first + portion.rows.n;
        portion.first += base;
        if (!meet(j, &portion, done, share, e))
            end_step(j, end, e);
        metrics_stage(j->metrics, STAGE_EXCHANGE);
        j->metrics->rounds++;
    }
    comm_stream_end(stream);
    free(start);
}

/* Collective. Returns the first step after the pass. */
static uint64_t join(struct exact_job *j, struct pass pass, struct error *e) {
    uint64_t steps = (pass.going.end - pass.going.begin) / step_of(&pass) + 1;
    if (sink_first_step(j->sink) >= pass.first_step + steps)
        return pass.first_step + steps; /* all of it was done in an earlier run of the job */
    j->pass = pass;
    j->compared_before = j->metrics->count[COUNT_CANDIDATES];
    j->plan = (struct exact_plan){.pool = j->pool,
                                  .family = j->in->family,
                                  .threshold = *j->threshold,
                                  .stay = side(j->in, pass.stay),
                                  .alone = pass.among && !j->ordered && comm_size(j->c) == 1,
                                  .left_stays = pass.left_stays,
                                  .sieve = &j->sieves.sieve,
                                  .coarse = &j->sieves.coarse,
                                  .rarity = &j->rarity};
    metrics_stage(j->metrics, STAGE_VERIFY);
    if (j->one_way)
        open_limits(j);
    j->exact = exact_create(&j->plan);
    pass_by(j, e);
    exact_free(j->exact);
    free(j->limit);
    j->limit = NULL;
    return pass.first_step + steps;
}

bool exact_is_one_way(const struct options *o, const struct family *family) {
    return o->exact && o->top_k && family->is_of_vectors;
}

/* Collective. Old rows with new ones, where there are old ones, and these with each other. */
static void join_one(struct exact_job *j, struct error *e) {
    const struct shard *s = &j->in->shard;
    struct pass last = pass_within(j, (struct part){s->old, s->rows});
    for (int turn = 0; s->old > 0 && turn < 1 + j->in->family->is_directed && !e->status; turn++) {
        struct pass pass = pass_between(j);
        pass.left_stays ^= turn;
        pass.first_step = last.first_step;
        last.first_step = join(j, pass, e);
    }
    if (!e->status)
        join(j, last, e);
}

int exact_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
               const struct threshold *threshold, struct sink *sink, struct metrics *m, struct error *e) {
    struct exact_job j = {
        .c = c, .pool = pool, .threshold = threshold, .o = o, .in = in, .sink = sink, .metrics = m};
    j.one_way = exact_is_one_way(o, in->family);
    j.ordered = j.one_way || in->family->is_directed;
    metrics_stage(m, STAGE_VERIFY);
    if (in->family->is_of_vectors)
        prepare_vectors(&j);
    else
        prepare_sets(&j);
    if (in->shard.self_join)
        join_one(&j, e);
    else
        join(&j, pass_between(&j), e);
    sieves_free(&j.sieves);
    rarity_free(&j.rarity);
    return e->status;
}
