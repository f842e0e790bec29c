#include "planning.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "index.h"
#include "input_sample.h"
#include "lshjoin/law.h"
#include "lshjoin/sketch_plan.h"
#include "lshjoin/sort.h"
#include "lshjoin/tiers.h"
#include "rehearse.h"
#include "sample.h"

/* Whether bands read sketches: those that are planned do, where records have any, and where they are asked
 * for. */
static bool is_sketched(const struct options *o, const struct family *family) {
    if (!family->symbol_bits || o->exact)
        return false;
    return o->minhash == MINHASH_FAST || (o->recall > 0 && o->minhash != MINHASH_CLASSIC);
}

/* Buckets of l2 four radii wide, but no narrower than what products in single precision can tell apart: a
 * wider one finds more. */
static double choose_width(const struct options *o, const struct inputs *in) {
    const double told_apart = 0x1p-20;
    if (o->width)
        return o->width;
    double least = in->largest_norm < (double)FLT_MAX ? in->largest_norm * told_apart : 0;
    return fmin(fmax(fmax(4 * o->threshold.value, least), DBL_MIN), DBL_MAX);
}

/* What a plan is made from. */
struct choice {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct inputs *in;
    struct sizes sizes;   /* of all ranks' sets, where the plan goes by them */
    struct sample sample; /* of this rank's rows */
    double joined[2];     /* the share of each input's rows that no identical one stands for, */
    double mates;         /* and of the pairs of one input's rows that are identical; as the sample tells */
};

/* Collective. The sets that are here, of which the first `left` are left ones. */
static void measure_sizes(struct choice *by, uint64_t left) {
    const struct records *r = &by->in->records;
    enum { ALL = 2 * SIZE_CLASSES };
    by->sizes = sizes_create();
    for (uint64_t row = 0; row < r->n && by->in->family->is_directed; row++)
        for (int side = 0; side < 2; side++)
            if (by->in->shard.self_join || (row < left) == (side == 0))
                sizes_add(&by->sizes, side, records_length(r, row));
    comm_sum(by->c, by->sizes.rows[0], ALL);
    comm_sum(by->c, by->sizes.items[0], ALL);
    comm_min(by->c, by->sizes.least[0], ALL);
    comm_max(by->c, by->sizes.most[0], ALL);
    for (uint32_t k = 0; k < ALL && by->o->save_index; k++) { /* later sets may be any of their classes */
        uint32_t side = k / SIZE_CLASSES, class = k % SIZE_CLASSES;
        if (by->sizes.rows[side][class] == 0)
            continue;
        by->sizes.least[side][class] = class ? size_class_most(class - 1) + 1 : 1;
        by->sizes.most[side][class] = size_class_most(class);
    }
}

/* What is drawn from whatever the bands will be. */
static struct plan begin(const struct choice *by, bool sketched) {
    const struct options *o = by->o;
    const struct inputs *in = by->in;
    const struct family *family = in->family;
    const struct fraction least = o->threshold_text ? o->threshold.exact : (struct fraction){0, 1};
    struct plan p = {.drawing = {.bands = o->bands,
                                 .rows = o->rows,
                                 .pool = sketched ? sketch_plan_symbols(family) : o->pool,
                                 .symbol_bits = sketched ? family->symbol_bits : 0,
                                 .seed = o->seed,
                                 .width = choose_width(o, in),
                                 .norm = in->largest_norm,
                                 .ratio = tiers_ratio(&by->sizes, least)}};
    if (family->probes && o->bands)
        p.drawing.probes = (uint32_t)min_u64(o->probes, family->probes(o->rows));
    if (o->threshold_text || o->radius_text)
        p.agreement = family->agreement(o->threshold.value, &p.drawing);
    if (o->bands && p.agreement > 0)
        p.recall = law_found(&p.drawing, p.agreement);
    if (o->exact)
        p.recall = 1;
    return p;
}

static uint64_t largest_set(struct comm *c, const struct records *r) {
    uint64_t most = 0;
    for (uint64_t row = 0; r->offset && row < r->n; row++)
        most = max_u64(most, records_length(r, row));
    comm_max(c, &most, 1);
    return most;
}

static uint64_t largest_sampled(struct comm *c, const struct sample *s) {
    uint64_t most = 0;
    for (uint64_t i = 0; s->records->offset && i < s->n; i++)
        most = max_u64(most, records_length(s->records, s->row[i]));
    comm_max(c, &most, 1);
    return most;
}

/* Of how many rows, and pairs, the plan is. */
static struct survey count_rows(const struct choice *by) {
    const struct inputs *in = by->in;
    const struct options *o = by->o;
    bool self_join = in->shard.self_join;
    double left = (double)in->shard.split, right = (double)(in->shard.rows - in->shard.split), elements = 0;
    for (int i = 0; i < in->n; i++)
        elements += (double)in->of[i].elements;
    double here = left + right;
    double times = o->assume_rows && here > 0 ? (double)o->assume_rows / here : 1;
    left *= times;
    right *= times;
    double rows = left + (self_join ? 0 : right), asking = left;
    left *= by->joined[0];
    right *= by->joined[1];
    return (struct survey){.self_join = self_join,
                           .rows = (uint64_t)rows,
                           .asking = (uint64_t)asking,
                           .items = (uint64_t)(elements * times),
                           .item = in->records.item,
                           .pairs = !self_join                ? left * right
                                    : in->family->is_directed ? left * (left - 1)
                                                              : left * (left - 1) / 2};
}

/* The hashes of this rank's sampled rows; none, 0, of one that pairs with nothing. To free. */
static struct row_hash *hash_sample(const struct choice *by) {
    const struct sample *s = &by->sample;
    struct row_hash *hash = mem_zero(s->n, sizeof *hash);
    for (uint64_t i = 0; i < s->n; i++)
        if (by->in->family->is_of_vectors ? !records_is_left_out(s->records, s->row[i])
                                          : records_length(s->records, s->row[i]) > 0)
            hash[i] = records_hash_row(s->records, s->row[i]);
    return hash;
}

/* Which of n rows, hash by hash, equal one before: again[n], to free; *mates: pairs that are equal. */
static bool *find_again(struct pool *pool, const struct row_hash *hash, uint64_t n, uint64_t *mates) {
    bool *again = mem_zero(n, sizeof *again);
    struct u64_pair *p = mem_alloc(n, sizeof *p), *scratch = mem_alloc(n, sizeof *scratch);
    for (uint64_t k = 0; k < n; k++)
        p[k] = (struct u64_pair){hash[k].high, k};
    sort_pairs(pool, p, scratch, n);
    *mates = 0;
    for (uint64_t first = 0, k = 1; k < n; k++) {
        const struct row_hash *a = &hash[p[first].second], *b = &hash[p[k].second];
        if (a->high != b->high || a->low != b->low || (a->high | a->low) == 0) {
            first = k;
            continue;
        }
        again[p[k].second] = true;
        *mates += k - first;
    }
    free(scratch);
    free(p);
    return again;
}

/* Move those of the sampled rows [first, end) that are not marked behind the first `kept`. Returns how many
 * these are then. */
static uint64_t drop(struct sample *s, uint64_t first, uint64_t end, const bool *again, uint64_t kept) {
    for (uint64_t i = first; i < end; i++)
        if (!again[i - first])
            s->row[kept++] = s->row[i];
    return kept;
}

/* Collective. Of identical rows of the sample one is left, as in the join. */
static void collapse(struct choice *by) {
    struct sample *s = &by->sample;
    uint64_t left = s->left, right = s->n - left, all_left, all, mates[2];
    struct row_hash *mine = hash_sample(by);
    struct row_hash *hash = comm_gather(by->c, sizeof *hash, mine, left, right, &all_left, &all);
    bool *again_left = find_again(by->pool, hash, all_left, &mates[0]);
    bool *again_right = find_again(by->pool, hash + all_left, all - all_left, &mates[1]);
    uint64_t n[] = {all_left, all - all_left}, dropped[] = {0, 0};
    for (uint64_t k = 0; k < n[0]; k++)
        dropped[0] += again_left[k];
    for (uint64_t k = 0; k < n[1]; k++)
        dropped[1] += again_right[k];
    for (int i = 0; i < 2; i++)
        by->joined[i] = 1 - (double)dropped[i] / (double)max_u64(1, n[i]);
    by->mates = all_left > 1 ? (double)mates[0] / ((double)all_left * ((double)all_left - 1) / 2) : 0;
    s->left = drop(s, 0, left, again_left + comm_sum_before(by->c, left), 0);
    s->n = drop(s, left, left + right, again_right + comm_sum_before(by->c, right), s->left);
    free(again_right);
    free(again_left);
    free(hash);
    free(mine);
}

/* Rank 0's plan to all. */
static int agree(struct plan *p, struct survey *s, struct comm *c, struct error *e) {
    if (comm_failed(c, e))
        return e->status;
    comm_broadcast(c, p, sizeof *p);
    comm_broadcast(c, s, sizeof *s);
    return 0;
}

/* Bands that read words. */
static int choose_words(struct plan *p, struct survey *s, const struct choice *by, struct error *e) {
    const struct options *o = by->o;
    sample_compare(s, by->c, by->pool, by->in->family, &by->sample, &p->drawing, NULL);
    if (comm_rank(by->c) == 0 && o->recall > 0)
        plan_choose(p, by->in->family, s, o->threshold.value, o->recall, PLAN_MOST_BANDS, e);
    else if (comm_rank(by->c) == 0)
        plan_forecast(p, by->in->family, s);
    return agree(p, s, by->c, e);
}

/* Bands of sets in others: in tiers, unless they are given. Two sets agree in a value as often as they are
 * similar. */
static int choose_tiers(struct plan *p, struct survey *s, const struct choice *by, struct error *e) {
    const struct options *o = by->o;
    plan_tally *of_step = mem_zero(SIZE_STEPS, sizeof *of_step);
    sample_compare(s, by->c, by->pool, &family_jaccard, &by->sample, &p->drawing, of_step);
    if (comm_rank(by->c) == 0 && o->recall > 0)
        tiers_choose(p, by->in->family, s, &by->sizes, of_step, &o->threshold, o->recall, e);
    else if (comm_rank(by->c) == 0)
        plan_forecast(p, by->in->family, s);
    free(of_step);
    return agree(p, s, by->c, e);
}

/* Bands that read sketches. False, on all ranks, where there are none that find enough. */
static bool choose_sketches(struct plan *p, struct survey *s, const struct choice *by) {
    const struct options *o = by->o;
    const struct family *family = by->in->family;
    struct drawing other = p->drawing; /* functions that the join will not use */
    other.seed = ~other.seed;
    other.most_items = largest_sampled(by->c, &by->sample);
    struct sketches sample = sample_sketch(by->c, by->pool, family, &by->sample, &other);
    uint64_t left = by->sample.left, possible = true;
    comm_sum(by->c, &left, 1);
    if (comm_rank(by->c) == 0 && o->recall > 0)
        possible = sketch_plan_choose(p, family, s, by->pool, &sample, left, !o->no_sketch, o->recall);
    else if (comm_rank(by->c) == 0)
        sketch_plan_forecast(p, family, s, by->pool, &sample, left);
    sketches_free(&sample);
    comm_broadcast(by->c, &possible, sizeof possible);
    comm_broadcast(by->c, p, sizeof *p);
    comm_broadcast(by->c, s, sizeof *s);
    return possible;
}

/* Collective. Of bands that read sketches the dear ones are not drawn. */
static void leave_out_bands(struct plan *p, const struct survey *s, const struct choice *by) {
    struct sketches sample = sample_sketch(by->c, by->pool, by->in->family, &by->sample, &p->drawing);
    uint64_t left = by->sample.left;
    comm_sum(by->c, &left, 1);
    if (comm_rank(by->c) == 0)
        sketch_plan_leave_out(p, s, by->pool, &sample, left, by->o->recall);
    sketches_free(&sample);
    comm_broadcast(by->c, p, sizeof *p);
}

/* New records join old ones by the plan of all joined with all; of what that would meet the share that the
 * new ones are in. */
static void leave_out_old(struct plan *p, const struct survey *s, const struct choice *by) {
    double old = (double)by->in->shard.old / (double)max_u64(1, by->in->shard.rows), share = 1 - old * old;
    if (by->in->shard.old == 0)
        return;
    p->copies *= share;
    p->candidates *= share;
    p->pairs *= share;
    plan_seconds(p, by->in->family, s);
}

/* Sketches have too few symbols for what is hardly similar, and for nearly all of what is not quite: then
 * bands must read words. */
static int choose_bands(struct plan *p, struct survey *s, const struct choice *by, struct error *e) {
    if (p->drawing.symbol_bits && choose_sketches(p, s, by))
        return 0;
    *p = begin(by, false);
    *s = count_rows(by);
    return choose_words(p, s, by, e);
}

/* The plan, tried out on the sample. */
static int choose_and_rehearse(struct plan *p, struct survey *s, struct choice *by, struct error *e) {
    collapse(by);
    *s = count_rows(by);
    if (by->in->family->is_directed ? choose_tiers(p, s, by, e) : choose_bands(p, s, by, e))
        return e->status;
    p->drawing.most_items = largest_sampled(by->c, &by->sample);
    if (p->drawing.symbol_bits && by->o->recall > 0)
        leave_out_bands(p, s, by);
    rehearse(p, s, by->c, by->pool, by->in->family, &by->o->threshold, &by->sample);
    if (s->self_join && by->o->duplicates == DUPLICATES_PAIRS)
        p->pairs +=
            by->mates * (double)s->rows * ((double)s->rows - 1) / (by->in->family->is_directed ? 1 : 2);
    leave_out_old(p, s, by);
    return 0;
}

static struct sample select_sample(const struct inputs *in, const struct options *o) {
    const struct shard *shard = &in->shard;
    struct sample s = {.records = &in->records, .row = mem_alloc(in->records.n, sizeof *s.row)};
    uint64_t first = shard->start[shard->rank];
    for (uint64_t i = 0; i < in->records.n; i++) {
        if (!sample_has_row(shard, first + i, o->seed))
            continue;
        s.row[s.n++] = i;
        s.left += first + i < shard->split;
    }
    return s;
}

int planning_make(struct plan *p, struct survey *s, struct comm *c, struct pool *pool,
                  const struct options *o, const struct inputs *in, struct error *e) {
    if (in->old) { /* bands are those of the index */
        *p = in->old->plan;
        return 0;
    }
    struct choice by = {.c = c, .pool = pool, .o = o, .in = in};
    uint64_t first = in->shard.start[in->shard.rank];
    measure_sizes(&by, max_u64(in->shard.split, first) - first);
    *p = begin(&by, is_sketched(o, in->family));
    if (o->recall > 0) {
        by.sample = select_sample(in, o);
        choose_and_rehearse(p, s, &by, e);
        free(by.sample.row);
    }
    p->drawing.most_items = largest_set(c, &in->records);
    return e->status;
}

int planning_dry(struct plan *p, struct survey *s, struct inputs *in, struct comm *c, struct pool *pool,
                 const struct options *o, struct error *e) {
    struct choice by = {c, pool, o, in, .sample = {.records = &in->records}};
    struct sample *all = &by.sample;
    if (inputs_read_sample(in, c, pool, o, &all->left, e))
        return e->status;
    all->row = mem_alloc(in->records.n, sizeof *all->row);
    for (; all->n < in->records.n; all->n++)
        all->row[all->n] = all->n;
    measure_sizes(&by, all->left);
    *p = begin(&by, is_sketched(o, in->family));
    choose_and_rehearse(p, s, &by, e);
    free(all->row);
    return e->status;
}
