#include "lshjoin/tiers.h"

#include <math.h>

#include "lshjoin/containment.h"

static int32_t step_at(uint32_t index) {
    return (int32_t)index - (SIZE_CLASSES - 1);
}

/* The pairs of sets of a class with those `step` above: elements of a right set for each of the left one, at
 * most; 0 where none can reach the threshold. */
static double ratio_of(const struct sizes *s, uint32_t left, int32_t step, struct fraction t) {
    int32_t right = (int32_t)left + step;
    if (right < 0 || right >= SIZE_CLASSES || !s->rows[0][left] || !s->rows[1][right])
        return 0;
    uint64_t least = s->least[0][left], most = s->most[1][right];
    return most >= containment_least(t, least) ? (double)most / (double)least : 0;
}

double tiers_ratio(const struct sizes *s, struct fraction t) {
    double ratio = 0;
    for (uint32_t index = 0; index < SIZE_STEPS; index++)
        for (uint32_t left = 0; left < SIZE_CLASSES; left++)
            ratio = fmax(ratio, ratio_of(s, left, step_at(index), t));
    return ratio;
}

/* What a tier's plan is made from: the sets that ask or store in it, as many as there are to be. */
struct share {
    double ratio, asking, storing, items;
};

static struct share share_of(const struct sizes *s, int32_t step, struct fraction t, double times) {
    struct share share = {0};
    for (uint32_t left = 0; left < SIZE_CLASSES; left++) {
        double ratio = ratio_of(s, left, step, t);
        if (ratio == 0)
            continue;
        uint32_t right = (uint32_t)((int32_t)left + step);
        share.ratio = fmax(share.ratio, ratio);
        share.asking += times * (double)s->rows[0][left];
        share.storing += times * (double)s->rows[1][right];
        share.items += times * (double)(s->items[0][left] + s->items[1][right]);
    }
    return share;
}

/* Rows of the survey for each that was measured. */
static double times_of(const struct survey *all, const struct sizes *s) {
    double rows = 0;
    for (uint32_t class = 0; class < SIZE_CLASSES; class ++)
        rows += (double)s->rows[0][class] + (all->self_join ? 0 : (double)s->rows[1][class]);
    return rows > 0 ? (double)all->rows / rows : 0;
}

/* Of the tier; rows such that two keys of each, one for each role, are as many as there will be. */
static struct survey survey_of(const struct survey *all, const struct share *share,
                               const plan_tally agreeing) {
    struct survey s = {.self_join = all->self_join,
                       .rows = (uint64_t)((share->asking + share->storing) / 2),
                       .asking = (uint64_t)share->asking,
                       .items = (uint64_t)share->items,
                       .item = all->item};
    for (int f = 0; f <= PLAN_VALUES; f++)
        s.sampled += s.agreeing[f] = agreeing[f];
    if (all->sampled > 0)
        s.pairs = all->pairs * (double)s.sampled / (double)all->sampled;
    return s;
}

static void add_tier(struct plan *p, const struct plan *of, int32_t step, const struct share *share) {
    struct drawing *d = &p->drawing;
    const struct drawing *found = &of->drawing;
    d->tier[d->n_tiers++] = (struct tier){.step = step,
                                          .first = d->bands,
                                          .bands = found->bands,
                                          .rows = found->rows,
                                          .pool = found->pool,
                                          .ratio = share->ratio,
                                          .takers = share->asking + share->storing};
    d->bands += found->bands;
    d->rows = (uint32_t)max_u64(d->rows, found->rows);
    p->agreement = fmin(p->agreement, of->agreement);
    p->recall = fmin(p->recall, of->recall);
    p->copies += of->copies;
    p->candidates += of->candidates;
    p->pairs += of->pairs;
}

/* What tiers are chosen from. */
struct choice {
    const struct family *family;
    const struct survey *survey;
    const struct sizes *sizes;
    const plan_tally *agreeing;
    const struct threshold *threshold;
    double recall;
};

/* Tiers of at most so many bands each. Returns e->status. */
static int choose(struct plan *p, const struct choice *by, uint32_t most_bands, struct error *e) {
    const struct drawing base = p->drawing;
    double times = times_of(by->survey, by->sizes), there = 0;
    for (uint32_t index = 0; index < SIZE_STEPS && !e->status; index++) {
        struct share share = share_of(by->sizes, step_at(index), by->threshold->exact, times);
        if (share.ratio == 0)
            continue;
        struct survey of = survey_of(by->survey, &share, by->agreeing[index]);
        struct plan q = {.drawing = base};
        q.drawing.ratio = share.ratio;
        q.agreement = by->family->agreement(by->threshold->value, &q.drawing);
        if (plan_choose(&q, by->family, &of, by->threshold->value, by->recall, most_bands, e))
            return e->status;
        there += q.recall_above > 0 ? q.pairs / q.recall_above : 0;
        add_tier(p, &q, step_at(index), &share);
    }
    p->recall_above = there > 0 ? p->pairs / there : p->recall;
    return 0;
}

int tiers_choose(struct plan *p, const struct family *family, const struct survey *s,
                 const struct sizes *sizes, const plan_tally *agreeing, const struct threshold *t,
                 double recall, struct error *e) {
    const struct choice by = {family, s, sizes, agreeing, t, recall};
    struct plan begun = {.drawing = p->drawing, .agreement = 1, .recall = 1};
    for (uint32_t most = PLAN_MOST_BANDS; !e->status; most /= 2) { /* together they may be too many */
        *p = begun;
        if (choose(p, &by, most, e) || p->drawing.bands <= PLAN_MOST_BANDS)
            break;
    }
    for (uint32_t class = 0; class < SIZE_CLASSES; class ++)
        for (int side = 0; side < 2; side++)
            p->drawing.classes[side] |= (uint64_t)(sizes->rows[side][class] > 0) << class;
    if (p->drawing.n_tiers == 0) { /* no two sets can be a pair */
        p->drawing.bands = p->drawing.rows = 1;
        p->agreement = family->agreement(t->value, &p->drawing);
    }
    plan_seconds(p, family, s);
    return e->status;
}
