#include "planning.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "input_sample.h"
#include "lshjoin/law.h"
#include "lshjoin/sketch_plan.h"
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

/* What is drawn from whatever the bands will be. */
static struct plan begin(const struct options *o, const struct inputs *in, bool sketched) {
    const struct family *family = in->family;
    struct plan p = {.drawing = {.bands = o->bands,
                                 .rows = o->rows,
                                 .pool = sketched ? sketch_plan_symbols(family) : o->pool,
                                 .symbol_bits = sketched ? family->symbol_bits : 0,
                                 .seed = o->seed,
                                 .width = choose_width(o, in),
                                 .norm = in->largest_norm}};
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

/* Of how many rows, and pairs, the plan is. */
static struct survey count_rows(const struct inputs *in, const struct options *o) {
    bool self_join = in->shard.self_join;
    double left = (double)in->of[0].rows, right = (double)in->of[1].rows, elements = 0;
    for (int i = 0; i < in->n; i++)
        elements += (double)in->of[i].elements;
    double here = self_join ? left : left + right;
    double times = o->assume_rows && here > 0 ? (double)o->assume_rows / here : 1;
    left *= times;
    right *= times;
    return (struct survey){.self_join = self_join,
                           .rows = (uint64_t)(here * times),
                           .asking = (uint64_t)left,
                           .items = (uint64_t)(elements * times),
                           .item = in->records.item,
                           .pairs = self_join ? left * (left - 1) / 2 : left * right};
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

/* What a plan is made from. */
struct choice {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct inputs *in;
    struct sample sample; /* of this rank's rows */
};

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
    sample_compare(s, by->c, by->pool, by->in->family, &by->sample, &p->drawing);
    if (comm_rank(by->c) == 0 && o->recall > 0)
        plan_choose(p, by->in->family, s, o->threshold.value, o->recall, e);
    else if (comm_rank(by->c) == 0)
        plan_forecast(p, by->in->family, s);
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

/* The plan, tried out on the sample. Sketches have too few symbols for what is hardly similar, and for nearly
 * all of what is not quite: then bands must read words. */
static int choose_and_rehearse(struct plan *p, struct survey *s, const struct choice *by, struct error *e) {
    *s = count_rows(by->in, by->o);
    if (!p->drawing.symbol_bits || !choose_sketches(p, s, by)) {
        *p = begin(by->o, by->in, false);
        *s = count_rows(by->in, by->o);
        if (choose_words(p, s, by, e))
            return e->status;
    }
    p->drawing.most_items = largest_sampled(by->c, &by->sample);
    if (p->drawing.symbol_bits && by->o->recall > 0)
        leave_out_bands(p, s, by);
    rehearse(p, s, by->c, by->pool, by->in->family, &by->o->threshold, &by->sample);
    return 0;
}

static struct sample select_sample(const struct inputs *in, const struct options *o) {
    const struct shard *shard = &in->shard;
    struct sample s = {.records = &in->records, .row = mem_alloc(in->records.n, sizeof *s.row)};
    uint64_t first = shard->start[shard->rank];
    for (uint64_t i = 0; i < in->records.n; i++) {
        bool is_left = first + i < shard->split;
        uint64_t row = is_left ? first + i : first + i - shard->split;
        if (!sample_has(row, in->of[!is_left].rows, shard->self_join, o->seed))
            continue;
        s.row[s.n++] = i;
        s.left += is_left;
    }
    return s;
}

int planning_make(struct plan *p, struct survey *s, struct comm *c, struct pool *pool,
                  const struct options *o, const struct inputs *in, struct error *e) {
    *p = begin(o, in, is_sketched(o, in->family));
    if (o->recall > 0) {
        struct choice by = {c, pool, o, in, select_sample(in, o)};
        choose_and_rehearse(p, s, &by, e);
        free(by.sample.row);
    }
    p->drawing.most_items = largest_set(c, &in->records);
    return e->status;
}

int planning_dry(struct plan *p, struct survey *s, struct inputs *in, struct comm *c, struct pool *pool,
                 const struct options *o, struct error *e) {
    struct choice by = {c, pool, o, in, {.records = &in->records}};
    struct sample *all = &by.sample;
    if (inputs_read_sample(in, c, pool, o, &all->left, e))
        return e->status;
    all->row = mem_alloc(in->records.n, sizeof *all->row);
    for (; all->n < in->records.n; all->n++)
        all->row[all->n] = all->n;
    *p = begin(o, in, is_sketched(o, in->family));
    choose_and_rehearse(p, s, &by, e);
    free(all->row);
    return e->status;
}
