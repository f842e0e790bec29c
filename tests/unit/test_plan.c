/* Plans over surveys made by hand: do they keep their promise, and is there nothing cheaper? */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/law.h"
#include "lshjoin/plan.h"
#include "lshjoin/trial.h"

static const double thresholds[] = {0.5, 0.7, 0.8, 0.9, 0.95}, recalls[] = {0.8, 0.9, 0.95, 0.99};

/* A survey of so many rows whose pairs agree in a value with probability p[k], a share of share[k] of them.
 */
struct made {
    const char *name;
    uint64_t rows, right; /* right: of the other input, where there are two */
    double mean;          /* items of a row */
    double p[3], share[3];
};

static const struct made makes[] = {
    {"all dissimilar", 100000, 0, 100, {0.01}, {1}},
    {"many duplicates", 10000, 0, 50, {0.02, 0.6, 1}, {0.9, 0.05, 0.05}},
    {"few pairs", 20000, 0, 300, {0, 0.85}, {0.9999, 0.0001}},
    {"alike by chance", 3000, 0, 500, {0.5, 0.7}, {0.99, 0.01}}, /* as vectors are */
    {"two inputs", 1000, 20000, 30, {0.05, 0.9}, {0.999, 0.001}},
    {"no rows", 0, 0, 0, {0}, {0}},
};

/* So much work that probes are considered, which takes a second or more. */
static const struct made large[] = {{"few queries", 1000, 3000000, 100, {0.5}, {1}},
                                    {"fewer", 50, 10000000, 100, {0.5}, {1}},
                                    {"of long vectors", 500, 1000000, 2000, {0.5}, {1}}};

static struct survey survey_of(const struct made *m) {
    const double sampled = 1e9;
    double rows = (double)m->rows, right = (double)m->right;
    struct survey s = {.self_join = !m->right,
                       .rows = m->rows + m->right,
                       .asking = m->rows,
                       .items = (uint64_t)(m->mean * (rows + right)),
                       .item = sizeof(uint32_t),
                       .pairs = m->right ? rows * right : rows * (rows - 1) / 2};
    for (int k = 0; k < 3; k++) {
        double pmf[PLAN_VALUES + 1];
        law_agreeing(PLAN_VALUES, m->p[k], pmf);
        for (int f = 0; f <= PLAN_VALUES; f++)
            s.agreeing[f] += (uint64_t)llround(sampled * m->share[k] * pmf[f]);
    }
    for (int f = 0; f <= PLAN_VALUES; f++)
        s.sampled += s.agreeing[f];
    return s;
}

static double total(const struct plan *p) {
    double sum = 0;
    for (int k = 0; k < STAGES; k++)
        sum += p->seconds[k];
    return sum;
}

static struct plan begin(const struct family *family, double threshold) {
    struct plan p = {.drawing = {.seed = 1, .width = 4 * threshold, .norm = 1}};
    p.agreement = family->agreement(threshold, &p.drawing);
    return p;
}

static struct plan choose(const struct family *family, const struct survey *s, double threshold,
                          double recall) {
    struct plan p = begin(family, threshold);
    struct error e = {0};
    assert_int_equal(plan_choose(&p, family, s, threshold, recall, PLAN_MOST_BANDS, &e), 0);
    return p;
}

/* How often a pair at the threshold meets in a band, by functions of another seed than the plan's. */
static double band_with_probes(const struct family *family, const struct drawing *d, double value,
                               bool both) {
    struct drawing other = *d;
    uint32_t *met = mem_zero((uint64_t)d->probes + 1, sizeof *met), sum = 0;
    other.bands = 20000;
    other.seed += 12345;
    trial_probes(family, &other, value, both, met);
    for (uint32_t t = 0; t <= d->probes; t++)
        sum += met[t];
    free(met);
    return (double)sum / other.bands;
}

/* Returns the plan's probes. */
static uint32_t check_promise(const struct family *family, const struct survey *s, double threshold,
                              double recall) {
    struct plan p = choose(family, s, threshold, recall);
    const struct drawing *d = &p.drawing;
    assert_true(d->bands >= 1 && d->rows >= 1 && d->bands <= UINT16_MAX);
    assert_true(d->pool == 0 || (d->pool >= d->rows && d->pool < d->bands * d->rows));
    assert_true(d->seed == 1 && d->width == 4 * threshold);
    assert_true(p.recall >= recall && p.recall <= 1);
    assert_true(p.recall_above >= p.recall - 1e-12 && p.recall_above <= 1 + 1e-9);
    if (d->probes > 0) {
        double band = band_with_probes(family, d, threshold, s->self_join);
        assert_true(1 - pow(1 - band, d->bands) >= recall);
    } else {
        assert_true(p.recall == law_found(d, p.agreement));
        if (d->pool == 0)
            assert_true(1 - pow(1 - pow(p.agreement, d->rows), d->bands) >= recall - 1e-12);
    }
    assert_true(family->probes || !d->probes);
    return d->probes;
}

static const struct family *const families[] = {&family_jaccard, &family_cosine, &family_l2, &family_ip};

static void test_promise(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(makes); i++) {
        struct survey s = survey_of(&makes[i]);
        for (size_t t = 0; t < LENGTH(thresholds); t++)
            for (size_t r = 0; r < LENGTH(recalls); r++) {
                check_promise(&family_jaccard, &s, thresholds[t], recalls[r]);
                if (i % 2 == 1)
                    check_promise(families[1 + i / 2], &s, thresholds[t], recalls[r]);
            }
    }
}

/* Probes are for a few queries: only these have more keys then. */
static void test_promise_with_probes(void **state) {
    (void)state;
    uint32_t probed = 0;
    for (size_t i = 0; i < LENGTH(large); i++) {
        struct survey s = survey_of(&large[i]);
        for (size_t f = 0; f < 3; f++)
            probed += check_promise(families[f], &s, thresholds[i], recalls[1 + i]) > 0;
    }
    assert_true(probed >= 4);
}

/* But where there is so much work that probes are considered, which cheaper plans do without. */
static void test_more_recall_costs_no_less(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(makes); i++) {
        struct survey s = survey_of(&makes[i]);
        for (size_t f = 0; f < 2; f++)
            for (size_t t = 0; t < LENGTH(thresholds); t += 4) {
                double last = 0;
                for (double recall = 0.5; recall < 0.999; recall = 1 - (1 - recall) * 0.5) {
                    struct plan p = choose(families[f], &s, thresholds[t], recall);
                    if (total(&p) < last && !p.drawing.probes)
                        fail_msg("%s, %s %g: recall %g costs %.9g s, and less recall %.9g", makes[i].name,
                                 families[f]->metric, thresholds[t], recall, total(&p), last);
                    last = total(&p);
                }
            }
    }
}

static void test_all_is_impossible(void **state) {
    (void)state;
    struct survey s = survey_of(&makes[0]);
    for (size_t f = 0; f < LENGTH(families); f++)
        for (size_t t = 0; t < LENGTH(thresholds); t++) {
            struct plan p = begin(families[f], thresholds[t]);
            struct error e = {0};
            assert_int_equal(plan_choose(&p, families[f], &s, thresholds[t], 1, PLAN_MOST_BANDS, &e),
                             EX_USAGE);
            assert_int_equal(e.status, EX_USAGE);
            assert_non_null(strstr(e.text, "--exact"));
            assert_non_null(strstr(e.text, "--recall"));
        }
    assert_true(choose(&family_jaccard, &s, 1, 1).recall == 1); /* equal sets are always found */
}

/* Where even the most bands do not find enough. */
static void test_too_far(void **state) {
    (void)state;
    struct survey s = survey_of(&makes[0]);
    struct plan p = begin(&family_jaccard, 1e-6);
    struct error e = {0};
    assert_int_equal(plan_choose(&p, &family_jaccard, &s, 1e-6, 0.9, PLAN_MOST_BANDS, &e), EX_USAGE);
    assert_non_null(strstr(e.text, "--exact"));
}

/* Of all bands and rows without pool and probes that find enough, by plan_forecast. */
static double cheapest_plain(const struct family *family, const struct survey *s, double threshold,
                             double recall) {
    const uint32_t most_rows = 32, most_bands = 3000;
    double best = INFINITY;
    struct plan p = begin(family, threshold);
    for (uint32_t rows = 1; rows <= most_rows; rows++) {
        p.drawing.rows = rows;
        p.drawing.bands = 1;
        p.recall = 0;
        while (p.drawing.bands <= most_bands && law_found(&p.drawing, p.agreement) < recall)
            p.drawing.bands++;
        if (p.drawing.bands > most_bands)
            break;
        plan_forecast(&p, family, s);
        best = fmin(best, total(&p));
    }
    return best;
}

static void test_nothing_plain_is_cheaper(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(makes); i++)
        for (size_t f = 0; f < 2; f++) {
            struct survey s = survey_of(&makes[i]);
            double threshold = thresholds[(i + f) % LENGTH(thresholds)];
            struct plan p = choose(families[f], &s, threshold, 0.9);
            double brute = cheapest_plain(families[f], &s, threshold, 0.9);
            if (total(&p) > brute * 1.000001)
                fail_msg("%s, %s %g: %.9g s, but there is a plan of %.9g s", makes[i].name,
                         families[f]->metric, threshold, total(&p), brute);
        }
}

static void assert_near(double got, double expected, double relative) {
    if (!(fabs(got - expected) <= relative * fabs(expected)))
        fail_msg("%.17g instead of %.17g", got, expected);
}

/* Pairs that all agree with one probability, or some with one and some with another. */
static void test_forecast_gives_back(void **state) {
    (void)state;
    const struct drawing drawings[] = {
        {.bands = 20, .rows = 5}, {.bands = 100, .rows = 2}, {.bands = 40, .rows = 6, .pool = 60}};
    const struct made ones[] = {{"", 100000, 0, 10, {0.8}, {1}},
                                {"", 100000, 0, 10, {0.3}, {1}},
                                {"", 1000, 3000, 10, {0.55}, {1}},
                                {"", 100000, 0, 10, {0.2, 0.9}, {0.99, 0.01}},
                                {"", 50000, 0, 10, {0.01, 0.5, 1}, {0.5, 0.4, 0.1}}};
    for (size_t i = 0; i < LENGTH(ones); i++)
        for (size_t k = 0; k < LENGTH(drawings); k++) {
            struct survey s = survey_of(&ones[i]);
            struct plan p = {.drawing = drawings[k], .agreement = 0.7};
            double candidates = 0, copies = 0, above = 0, found = 0;
            for (int c = 0; c < 3; c++) {
                double share = ones[i].share[c], law = law_found(&drawings[k], ones[i].p[c]);
                candidates += s.pairs * share * law;
                copies += s.pairs * share * drawings[k].bands * pow(ones[i].p[c], drawings[k].rows);
                above += ones[i].p[c] >= 0.7 ? s.pairs * share : 0;
                found += ones[i].p[c] >= 0.7 ? s.pairs * share * law : 0;
            }
            plan_forecast(&p, &family_jaccard, &s);
            assert_true(p.recall == law_found(&drawings[k], 0.7));
            assert_near(p.candidates, candidates, 0.03);
            assert_near(p.copies, copies, 0.03);
            if (above > 0) {
                assert_near(p.pairs, found, 0.03);
                assert_near(p.recall_above, found / above, 0.03);
            }
            p.agreement = 0; /* without a threshold all candidates are written */
            plan_forecast(&p, &family_jaccard, &s);
            assert_true(p.pairs == p.candidates);
        }
}

/* The same work twice costs twice as much, and a plan does not change with it. */
static void test_seconds(void **state) {
    (void)state;
    struct survey s = survey_of(&makes[1]), twice = s;
    struct plan p = {.drawing = {.bands = 20, .rows = 5}}, q;
    p.copies = 1000;
    p.candidates = 500;
    p.pairs = 100;
    q = p;
    q.copies *= 2;
    q.candidates *= 2;
    q.pairs *= 2;
    twice.rows *= 2;
    twice.asking *= 2;
    twice.items *= 2;
    plan_seconds(&p, &family_jaccard, &s);
    plan_seconds(&q, &family_jaccard, &twice);
    for (int k = 0; k < STAGES; k++)
        assert_near(q.seconds[k], 2 * p.seconds[k], 1e-9);
    assert_true(p.seconds[STAGE_SIGN] > 0 && p.seconds[STAGE_VERIFY] > 0 && p.exact > 0);
    q = p;
    q.drawing.pool = 50;
    plan_seconds(&q, &family_jaccard, &s);
    assert_true(q.seconds[STAGE_SIGN] < p.seconds[STAGE_SIGN]);
    assert_true(q.seconds[STAGE_EXCHANGE] == p.seconds[STAGE_EXCHANGE]);
}

/* Next to nothing is similar: few candidates; all are equal: all pairs. */
static void test_extremes(void **state) {
    (void)state;
    const struct made equal = {"", 10000, 0, 10, {1}, {1}}, apart = {"", 10000, 0, 10, {0}, {1}};
    struct survey s = survey_of(&equal), t = survey_of(&apart);
    struct plan p = {.drawing = {.bands = 20, .rows = 5}, .agreement = 0.8};
    plan_forecast(&p, &family_jaccard, &s);
    assert_near(p.candidates, s.pairs, 1e-6);
    assert_near(p.copies, 20 * s.pairs, 1e-2);
    assert_near(p.pairs, s.pairs, 1e-6);
    plan_forecast(&p, &family_jaccard, &t);
    assert_true(p.candidates < 1e-6 * t.pairs && p.pairs < 1e-6 * t.pairs);
}

/* ---- trials of probes, against all there is to compute ---- */

/* Of so many bits all values there are. */
static void test_all_probes_always_meet(void **state) {
    (void)state;
    for (uint32_t rows = 1; rows <= 5; rows++)
        for (int both = 0; both <= 1; both++) {
            const struct drawing d = {.bands = 3000, .rows = rows, .probes = (1u << rows) - 1, .seed = rows};
            uint32_t met[32] = {0}, sum = 0;
            trial_probes(&family_cosine, &d, 0.3, both, met);
            for (uint32_t t = 0; t <= d.probes; t++)
                sum += met[t];
            assert_int_equal(sum, d.bands);
        }
}

/* Within 5 standard deviations of a share of `n`. */
static void assert_share(uint32_t count, double share, uint32_t n) {
    double spread = sqrt(share * (1 - share) / n);
    if (fabs((double)count / n - share) > 5 * spread)
        fail_msg("%u of %u, not a share of %.4f", count, n, share);
}

static double uniform(uint64_t *state) {
    return ((double)(random_next(state) >> 11) + 0.5) * 0x1p-53;
}

/* Two independent normal numbers (Box and Muller 1958). */
static void normals(uint64_t *state, double *x) {
    const double pi = 3.14159265358979323846;
    double r = sqrt(-2 * log(uniform(state))), turn = 2 * pi * uniform(state);
    x[0] = r * cos(turn);
    x[1] = r * sin(turn);
}

enum { SIMULATED = 400000, BANDS = 60000 };

/* The one probe of two bits flips the one whose product is nearer to 0. By which record: either, or the
 * first only. */
static double simulate_flip(double cosine, bool both, double *plain) {
    uint64_t seed = 77;
    uint32_t found = 0, equal = 0;
    for (int k = 0; k < SIMULATED; k++) {
        double x[2][2], y[2][2]; /* [record][bit], by planes */
        for (int bit = 0; bit < 2; bit++) {
            normals(&seed, x[bit]);
            y[0][bit] = x[bit][0];
            y[1][bit] = cosine * x[bit][0] + sqrt(1 - cosine * cosine) * x[bit][1];
        }
        bool differ[2] = {(y[0][0] >= 0) != (y[1][0] >= 0), (y[0][1] >= 0) != (y[1][1] >= 0)};
        bool meets = !differ[0] && !differ[1];
        equal += meets;
        for (int record = 0; record < 1 + both; record++) {
            int flipped = fabs(y[record][0]) < fabs(y[record][1]) ? 0 : 1;
            meets |= differ[flipped] && !differ[!flipped];
        }
        found += meets;
    }
    *plain = (double)equal / SIMULATED;
    return (double)found / SIMULATED;
}

static void test_one_flip(void **state) {
    (void)state;
    for (int both = 0; both <= 1; both++) {
        const struct drawing d = {.bands = BANDS, .rows = 2, .probes = 1, .seed = 3};
        double plain, found = simulate_flip(0.6, both, &plain), p = family_cosine.agreement(0.6, &d);
        uint32_t met[2] = {0};
        trial_probes(&family_cosine, &d, 0.6, both, met);
        assert_near(plain, p * p, 0.01);
        assert_share(met[0], p * p, BANDS);
        assert_share(met[0] + met[1], found, BANDS);
    }
}

/* Of one bucket number the two probes are those beside it, the nearer one first. */
static void test_neighbouring_buckets(void **state) {
    (void)state;
    const double distance = 0.8;
    for (int both = 0; both <= 1; both++) {
        const struct drawing d = {.bands = BANDS, .rows = 1, .probes = 2, .seed = 4, .width = 1};
        uint32_t met[3] = {0}, simulated[3] = {0};
        uint64_t seed = 5;
        trial_probes(&family_l2, &d, distance, both, met);
        for (int k = 0; k < SIMULATED; k++) {
            double x[2], place = uniform(&seed), other;
            normals(&seed, x);
            other = place + distance * x[0];
            double step = floor(other), rest = other - step;
            bool first = step == (place < 0.5 ? -1 : 1) || (both && -step == (rest < 0.5 ? -1 : 1));
            if (fabs(step) <= 1)
                simulated[step == 0 ? 0 : first ? 1 : 2]++;
        }
        for (int t = 0; t < 3; t++)
            assert_share(met[t], (double)simulated[t] / SIMULATED, BANDS);
        assert_share(met[0], family_l2.agreement(distance, &d), BANDS);
    }
}

/* met is raised, not set; without probes there is the plain law. */
static void test_trial_without_probes(void **state) {
    (void)state;
    for (size_t f = 1; f < LENGTH(families); f++) {
        const struct drawing d = {.bands = BANDS, .rows = 4, .seed = f, .width = 2, .norm = 1};
        uint32_t met[1] = {7};
        trial_probes(families[f], &d, 0.8, true, met);
        assert_share(met[0] - 7, pow(families[f]->agreement(0.8, &d), 4), BANDS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_promise),
        cmocka_unit_test(test_promise_with_probes),
        cmocka_unit_test(test_more_recall_costs_no_less),
        cmocka_unit_test(test_all_is_impossible),
        cmocka_unit_test(test_too_far),
        cmocka_unit_test(test_nothing_plain_is_cheaper),
        cmocka_unit_test(test_forecast_gives_back),
        cmocka_unit_test(test_seconds),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_all_probes_always_meet),
        cmocka_unit_test(test_one_flip),
        cmocka_unit_test(test_neighbouring_buckets),
        cmocka_unit_test(test_trial_without_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
