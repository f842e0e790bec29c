#include "lshjoin/plan.h"

#include <math.h>
#include <stdlib.h>
#include <sysexits.h>

#include "lshjoin/band.h"
#include "lshjoin/law.h"
#include "lshjoin/trial.h"

/* Nanoseconds of one core (AVX-512), by bench/run.sh and bench/lsh_rs_shape.sh. Only their proportions matter
 * for a choice. */
static const double ns_read_byte = 0.5, ns_compare = 60, ns_compare_element = 0.9,
                    ns_compare_coordinate = 0.35, ns_pair = 60, ns_exact_index = 25, ns_exact_element = 0.006,
                    ns_exact_coordinate = 0.01;
/* Of bands that read words. */
static const double ns_hash_element = 0.19, ns_hash_coordinate = 0.025, ns_pick = 4, ns_key = 15,
                    ns_probe = 150, ns_move = 25, ns_send = 20, ns_group = 10, ns_copy = 40,
                    ns_late_band = 1.7, ns_wait = 60;
/* Of weighted sets. */
static const double ns_symbol = 80, ns_weighted_element = 40;
/* Of bands that read sketches. */
static const double ns_sketch_element = 0.05, ns_sketch_coordinate = 0.025, ns_sketch_key = 4,
                    ns_sketch_send = 7, ns_sketch_group = 8, ns_screen = 2, ns_mask = 0.6, ns_screened = 30;

enum { GRID = 212, ROUNDS = 300, MOST_ROWS = 64, MOST_POOL = 4096 };

/* Copies of candidates that fit one batch of the usual size; in several, digests tell copies apart. */
static const double batch = 6e6;

/* Pairs by the probability with which a value of theirs agrees. */
struct mixture {
    double p[GRID], share[GRID]; /* shares sum to 1 */
};

/* Even steps, and finer ones at both ends. */
static void make_grid(double *p) {
    const double fine[] = {0.0002, 0.0005, 0.001,  0.0015, 0.002, 0.003,
                           0.9970, 0.998,  0.9990, 0.9995, 0.9998};
    const int n_fine = sizeof fine / sizeof *fine, low = n_fine / 2 + 1;
    int k = 0;
    p[k++] = 0;
    for (int i = 0; i < low; i++)
        p[k++] = fine[i];
    for (int i = 1; i < 200; i++)
        p[k++] = i / 200.0;
    for (int i = low; i < n_fine; i++)
        p[k++] = fine[i];
    p[k++] = 1;
}

/* The mixture of binomials that is most likely to give the sampled numbers of agreeing values (Kiefer and
 * Wolfowitz 1956), by EM, from equal shares. */
static struct mixture *mixture_create(const struct survey *s) {
    struct mixture *m = mem_alloc(1, sizeof *m);
    double(*pmf)[PLAN_VALUES + 1] = mem_alloc(GRID, sizeof *pmf);
    make_grid(m->p);
    for (int k = 0; k < GRID; k++) {
        law_agreeing(PLAN_VALUES, m->p[k], pmf[k]);
        m->share[k] = 1.0 / GRID;
    }
    for (int round = 0; round < ROUNDS && s->sampled > 0; round++) {
        double next[GRID] = {0};
        for (int f = 0; f <= PLAN_VALUES; f++) {
            double sum = 0;
            for (int k = 0; k < GRID; k++)
                sum += m->share[k] * pmf[k][f];
            double weight = s->agreeing[f] ? (double)s->agreeing[f] / (double)s->sampled / sum : 0;
            for (int k = 0; k < GRID && weight > 0; k++)
                next[k] += m->share[k] * pmf[k][f] * weight;
        }
        for (int k = 0; k < GRID; k++)
            m->share[k] = next[k];
    }
    free(pmf);
    return m;
}

/* Buckets of one band in which a pair's rows could meet: their own, and the probes of the one or of both. */
static double chances(const struct drawing *d, const struct survey *s) {
    return 1 + (double)d->probes * (s->self_join ? 2 : 1);
}

/* Numbers of pairs to be expected. `exactly`: by the pooled law; else by the plain one, of which it is the
 * lower. A probe is taken to be as good as a pair's own bucket, which it is for those far apart, the many. */
static void expect_pairs(struct plan *p, const struct survey *s, const struct mixture *m, bool exactly) {
    const struct drawing *d = &p->drawing;
    double above = 0, found = 0;
    p->copies = p->candidates = 0;
    for (int k = 0; k < GRID; k++) {
        double band = fmin(1, law_power(m->p[k], d->rows) * chances(d, s));
        double chance = exactly && d->pool ? law_found(d, m->p[k]) : law_any(band, d->bands);
        p->copies += m->share[k] * band * d->bands;
        p->candidates += m->share[k] * chance;
        if (m->p[k] >= p->agreement && p->agreement > 0) {
            above += m->share[k];
            found += m->share[k] * fmax(chance, p->recall);
        }
    }
    p->recall_above = above > 0 ? found / above : p->recall;
    p->copies *= s->pairs;
    p->candidates *= s->pairs;
    p->pairs = p->agreement > 0 ? found * s->pairs : p->candidates;
}

/* Signing: all elements with all symbols, but of weighted sets one and the other (dart.h). */
static double sign_ns(const struct family *family, const struct survey *s, double values, double coordinate,
                      double element) {
    if (family->is_weighted)
        return (double)s->rows * values * ns_symbol + (double)s->items * ns_weighted_element;
    return (double)s->items * values * (family->is_of_vectors ? coordinate : element);
}

static void words_seconds(double *ns, const struct plan *p, const struct family *family,
                          const struct survey *s) {
    const struct drawing *d = &p->drawing;
    bool vectors = family->is_of_vectors;
    double each = (double)s->rows * (1 + family->is_asymmetric) + (double)s->asking * d->probes;
    double keys = d->bands * each, picked = keys * d->rows;
    if (d->n_tiers)
        keys = picked = 0;
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        keys += d->tier[k].takers * d->tier[k].bands;
        picked += d->tier[k].takers * d->tier[k].bands * d->tier[k].rows;
    }
    uint32_t values = drawing_values(d), together = vectors ? 16 : 64; /* as many are hashed at once */
    values = family->is_weighted ? values : (values + together - 1) / together * together;
    ns[STAGE_SIGN] =
        sign_ns(family, s, values, ns_hash_coordinate, ns_hash_element) + keys * ns_key + picked * ns_pick +
        (d->probes ? (double)s->asking * d->bands * (d->probes * ns_probe + d->rows * ns_move) : 0);
    ns[STAGE_EXCHANGE] = keys * ns_send;
    ns[STAGE_GROUP] = keys * ns_group;
    bool wide = (uint64_t)d->bands * family_variants(family, d) >= BAND_WIDE_DIGEST;
    double late = wide ? ns_wait : ns_late_band * d->bands;
    ns[STAGE_CANDIDATES] = p->copies * (ns_copy + (p->copies > batch ? late : 0));
}

static void sketches_seconds(double *ns, const struct plan *p, const struct family *family,
                             const struct survey *s) {
    const struct drawing *d = &p->drawing;
    double keys = d->bands * (double)s->rows;
    ns[STAGE_SIGN] =
        sign_ns(family, s, d->pool, ns_sketch_coordinate, ns_sketch_element) + keys * ns_sketch_key;
    ns[STAGE_EXCHANGE] = keys * ns_sketch_send;
    ns[STAGE_GROUP] = keys * ns_sketch_group;
    ns[STAGE_CANDIDATES] = p->copies * ns_screen + p->masks * ns_mask + p->candidates * ns_screened;
}

void plan_seconds(struct plan *p, const struct family *family, const struct survey *s) {
    bool vectors = family->is_of_vectors;
    double items = (double)s->items, mean = s->rows > 0 ? items / (double)s->rows : 0, *ns = p->seconds;
    (p->drawing.symbol_bits ? sketches_seconds : words_seconds)(ns, p, family, s);
    ns[STAGE_READ] = items * (double)s->item * ns_read_byte;
    ns[STAGE_VERIFY] =
        p->candidates * (ns_compare + mean * (vectors ? ns_compare_coordinate : 2 * ns_compare_element));
    ns[STAGE_WRITE] = p->pairs * ns_pair;
    double unlike =
        1 - p->agreement; /* the prefixes' share of a set; both sides have one, unless it is a set in */
    double shares = family->is_directed ? unlike : unlike * unlike; /* another, which is looked up whole */
    double exact =
        ns[STAGE_READ] + (vectors ? s->pairs * mean * ns_exact_coordinate
                                  : items * ns_exact_index + s->pairs * mean * ns_exact_element * shares);
    for (int k = 0; k < STAGES; k++)
        ns[k] *= 1e-9;
    p->exact = 1e-9 * exact;
}

double plan_work(const struct plan *p) {
    double sum = 0;
    for (int k = 0; k < STAGES; k++)
        sum += p->seconds[k];
    return sum;
}

static void forecast(struct plan *p, const struct family *family, const struct survey *s,
                     const struct mixture *m, bool exactly) {
    expect_pairs(p, s, m, exactly);
    plan_seconds(p, family, s);
}

void plan_forecast(struct plan *p, const struct family *family, const struct survey *s) {
    struct mixture *m = mixture_create(s);
    if (p->recall <= 0)
        p->recall = law_found(&p->drawing, p->agreement);
    forecast(p, family, s, m, true);
    free(m);
}

/* A search: the best plan so far, and what it is judged by. */
struct search {
    const struct family *family;
    const struct survey *survey;
    const struct mixture *mixture;
    double threshold, agreement, recall;
    uint32_t most_bands;
    bool any;
    struct plan best;
};

/* Returns the work there is besides hashing. */
static double consider(struct search *s, const struct drawing *d, double recall) {
    struct plan p = {.drawing = *d, .agreement = s->agreement, .recall = recall};
    forecast(&p, s->family, s->survey, s->mixture, false);
    if (!s->any || plan_work(&p) < plan_work(&s->best))
        s->best = p;
    s->any = true;
    return plan_work(&p) - p.seconds[STAGE_SIGN];
}

/* Bands of their own values, then from smaller and smaller pools, which save hashing, but not bands. */
static void consider_rows(struct search *s, struct drawing d) {
    d.pool = 0;
    d.bands = 1;
    d.bands = law_least_bands(d, s->agreement, s->recall, s->most_bands);
    if (!d.bands)
        return;
    if (consider(s, &d, law_found(&d, s->agreement)) > plan_work(&s->best))
        return;
    for (uint64_t pool = min_u64(MOST_POOL, (uint64_t)d.bands * d.rows * 3 / 4); pool > d.rows;
         pool = pool * 3 / 4) {
        d.pool = (uint32_t)pool;
        d.bands = law_least_bands(d, s->agreement, s->recall, s->most_bands);
        if (!d.bands)
            return;
        if (consider(s, &d, law_found(&d, s->agreement)) > plan_work(&s->best))
            return;
    }
}

/* Bands that probe. Their law has no formula: some thousand bands of a pair at the threshold are drawn, and
 * three standard deviations given away. */
static void consider_probes(struct search *s, struct drawing d) {
    enum { TRIALS = 2048, MOST_PROBES = 32 };
    d.bands = TRIALS;
    d.pool = 0;
    d.probes = (uint32_t)min_u64(MOST_PROBES, s->family->probes(d.rows));
    uint32_t met[MOST_PROBES + 1] = {0}, most = d.probes;
    trial_probes(s->family, &d, s->threshold, s->survey->self_join, met);
    double share = met[0];
    for (uint32_t t = 1; t <= most; t++) {
        share += met[t];
        if (t & (t - 1)) /* powers of two will do */
            continue;
        double band = share / TRIALS, lower = band - 3 * sqrt(band * (1 - band) / TRIALS);
        const struct drawing alike = {.bands = 1, .rows = 1}; /* bands of one value that agrees so often */
        d.bands = law_least_bands(alike, lower, s->recall, s->most_bands);
        d.probes = t;
        if (d.bands)
            consider(s, &d, law_any(lower, d.bands));
    }
}

int plan_choose(struct plan *p, const struct family *family, const struct survey *survey, double threshold,
                double recall, uint32_t most_bands, struct error *e) {
    const double worth_probing = 20; /* seconds of work: trying takes some of them */
    struct mixture *m = mixture_create(survey);
    struct search s = {.family = family,
                       .survey = survey,
                       .mixture = m,
                       .threshold = threshold,
                       .agreement = p->agreement,
                       .recall = recall,
                       .most_bands = most_bands};
    struct drawing d = p->drawing;
    bool possible = recall < 1 || p->agreement >= 1; /* what is nearly 1 is rounded to it */
    for (d.rows = 1; possible && d.rows <= MOST_ROWS; d.rows++)
        consider_rows(&s, d);
    for (d.rows = 4; s.any && family->probes && d.rows <= MOST_ROWS && plan_work(&s.best) > worth_probing;
         d.rows += max_u64(1, d.rows / 4)) /* near its best, some rows more or less make little difference */
        consider_probes(&s, d);
    if (s.any) {
        *p = s.best;
        forecast(p, family, survey, m, true);
    } else {
        error_set(
            e, EX_USAGE,
            "--recall: no bands find a pair at the threshold with probability %.9g; give less, or --exact, "
            "which finds all",
            recall);
    }
    free(m);
    return e->status;
}
