/* Bands for sets in others: classes of sizes, tiers that keep the promise for all pairs, and keys that meet
 * as often as the law says, in the tier of the pair alone. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/band.h"
#include "lshjoin/containment.h"
#include "lshjoin/law.h"
#include "lshjoin/tiers.h"

/* Classes rise with sizes, and each ends where it says. */
static void test_classes(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 70000; n++) {
        uint32_t class = size_class(n);
        assert_true(n <= size_class_most(class) && (class == 0 || n > size_class_most(class - 1)));
    }
    for (uint32_t class = 0; class < SIZE_CLASSES; class ++) {
        assert_int_equal(size_class(size_class_most(class)), class);
        assert_true(class + 1 == SIZE_CLASSES || size_class(size_class_most(class) + 1) == class + 1);
    }
    assert_true(size_class_most(SIZE_CLASSES - 1) == (uint64_t)1 << 31);
}

static const uint64_t left_sizes[] = {1, 5, 9, 40, 47, 600}, right_sizes[] = {2, 8, 44, 700, 1000, 2000};

static struct sizes some_sizes(bool self_join) {
    struct sizes s = sizes_create();
    for (size_t k = 0; k < LENGTH(left_sizes); k++)
        for (int side = 0; side < 2; side++) {
            if (self_join || side == 0)
                sizes_add(&s, side, left_sizes[k]);
            if (self_join || side == 1)
                sizes_add(&s, side, right_sizes[k]);
        }
    sizes_add(&s, 0, 0);
    return s;
}

static struct survey some_survey(bool self_join, double p, plan_tally *agreeing) {
    const double sampled = 1e6, rows = 2 * LENGTH(left_sizes);
    struct survey s = {
        .self_join = self_join, .rows = (uint64_t)rows, .items = 50000, .item = 4, .pairs = 1e9};
    double pmf[PLAN_VALUES + 1];
    law_agreeing(PLAN_VALUES, p, pmf);
    for (uint32_t k = 0; k < SIZE_STEPS; k++)
        for (int f = 0; f <= PLAN_VALUES; f++) {
            agreeing[k][f] = (uint64_t)llround(sampled * pmf[f]);
            s.agreeing[f] += agreeing[k][f];
            s.sampled += agreeing[k][f];
        }
    return s;
}

/* Two sizes whose pairs can reach the threshold are in a tier that finds the least likely of them. */
static void check_pair(const struct plan *p, const struct threshold *t, uint64_t a, uint64_t b,
                       double recall) {
    int32_t step = (int32_t)size_class(b) - (int32_t)size_class(a);
    uint64_t common = containment_least(t->exact, a);
    const struct tier *tier = NULL;
    for (uint32_t k = 0; k < p->drawing.n_tiers; k++)
        if (p->drawing.tier[k].step == step)
            tier = &p->drawing.tier[k];
    if (b < common)
        return;
    assert_non_null(tier);
    struct drawing d = drawing_of_tier(&p->drawing, tier);
    double found = law_found(&d, (double)common / (double)(a + b - common));
    assert_true(d.bands == tier->bands && d.first_band == 0 && (double)b <= tier->ratio * (double)a);
    if (found < recall || p->recall < recall)
        fail_msg("sets of %d in %d are found with %g, where %g was asked for", (int)a, (int)b, found, recall);
}

static void check_choice(bool self_join, struct fraction f, double recall, double background) {
    struct threshold t = {f, (double)f.p / (double)f.q};
    plan_tally *agreeing = mem_zero(SIZE_STEPS, sizeof *agreeing);
    struct sizes sizes = some_sizes(self_join);
    struct survey s = some_survey(self_join, background, agreeing);
    struct plan p = {.drawing = {.seed = 3}};
    struct error e = {0};
    if (tiers_choose(&p, &family_containment, &s, &sizes, agreeing, &t, recall, &e))
        fail_msg("%s", e.text);
    uint32_t first = 0;
    for (uint32_t k = 0; k < p.drawing.n_tiers; k++) {
        assert_int_equal(p.drawing.tier[k].first, first);
        first += p.drawing.tier[k].bands;
    }
    assert_true(first == p.drawing.bands && p.drawing.n_tiers > 5 && p.drawing.seed == 3);
    for (size_t i = 0; i < LENGTH(left_sizes); i++)
        for (size_t j = 0; j < LENGTH(right_sizes); j++) {
            check_pair(&p, &t, left_sizes[i], right_sizes[j], recall);
            if (self_join)
                check_pair(&p, &t, right_sizes[j], left_sizes[i], recall);
        }
    free(agreeing);
}

static void test_choice(void **state) {
    (void)state;
    check_choice(false, (struct fraction){4, 5}, 0.95, 0.001);
    check_choice(true, (struct fraction){4, 5}, 0.8, 0.01);
    check_choice(true, (struct fraction){1, 3}, 0.6, 0.02);
    check_choice(false, (struct fraction){1, 1}, 0.9, 0);
}

/* Too much is told; and where no two sets can be a pair, any plan will do. */
static void test_no_choice(void **state) {
    (void)state;
    const struct threshold half = {{1, 2}, 0.5};
    plan_tally *agreeing = mem_zero(SIZE_STEPS, sizeof *agreeing);
    struct sizes sizes = sizes_create();
    struct survey s = some_survey(false, 0.01, agreeing);
    struct plan p = {0};
    struct error e = {0};
    sizes_add(&sizes, 0, 100);
    sizes_add(&sizes, 1, 49);
    assert_true(tiers_ratio(&sizes, half.exact) == 0);
    assert_int_equal(tiers_choose(&p, &family_containment, &s, &sizes, agreeing, &half, 0.9, &e), 0);
    assert_true(p.drawing.bands == 1 && p.drawing.n_tiers == 0 && p.recall == 1);
    sizes_add(&sizes, 1, 1000000000);
    assert_true(tiers_ratio(&sizes, half.exact) == 1e7);
    assert_int_equal(tiers_choose(&p, &family_containment, &s, &sizes, agreeing, &half, 0.9, &e), EX_USAGE);
    assert_non_null(strstr(e.text, "--exact"));
    free(agreeing);
}

enum { PAIRS = 12, BANDS = 400, TIERS = 3 };

/* Sets k of `size` elements, of which `common` are in set PAIRS + k of `other`. */
static struct records make_pairs(uint64_t size, uint64_t common, uint64_t other) {
    struct records r = {.n = 2 * PAIRS, .item = 4, .offset = mem_zero(2 * PAIRS + 1, sizeof(uint64_t))};
    uint32_t *element = r.data = mem_alloc(PAIRS * (size + other), sizeof *element);
    for (uint64_t row = 0; row < r.n; row++) {
        uint64_t n = row < PAIRS ? size : other,
                 base = row % PAIRS * 1000000 + (row < PAIRS ? 0 : size - common);
        for (uint64_t k = 0; k < n; k++)
            *element++ = (uint32_t)(base + k);
        r.offset[row + 1] = r.offset[row] + n;
    }
    return r;
}

/* Tiers around that of the pairs, of bands of 1, 2 and 1 rows, the middle one from a pool. */
static struct drawing make_tiers(uint64_t size, uint64_t other) {
    int32_t step = (int32_t)size_class(other) - (int32_t)size_class(size);
    struct drawing d = {.bands = TIERS * BANDS, .rows = 2, .seed = 5, .n_tiers = TIERS};
    for (int k = 0; k < TIERS; k++)
        d.tier[k] = (struct tier){.step = step - 1 + k,
                                  .first = (uint32_t)k * BANDS,
                                  .bands = BANDS,
                                  .rows = k == 1 ? 2 : 1,
                                  .pool = k == 1 ? 600 : 0};
    for (int side = 0; side < 2; side++)
        d.classes[side] = UINT64_MAX >> 2;
    return d;
}

/* In how many of the bands of each tier the left sets meet their right ones; right ones ask for no left one.
 */
static void count_meetings(struct signatures *s, struct pool *pool, uint32_t *met, uint32_t *turned) {
    const struct records *digest = signatures_digest(s, pool);
    memset(met, 0, TIERS * sizeof *met);
    *turned = 0;
    for (uint64_t pair = 0; pair < PAIRS; pair++) {
        const uint64_t *left = records_row(digest, pair), *right = records_row(digest, PAIRS + pair);
        uint32_t before = 0, all = band_count(s, left, right), first = band_first_slot(s, left, right);
        for (uint32_t band = 0; band < s->keys.bands; band++)
            if (right[2 * band] != BAND_NO_KEY && left[2 * band + 1] == (right[2 * band] | BAND_ASKS)) {
                assert_true(before++ > 0 || first == 2 * band + 1);
                met[band / BANDS]++;
            }
        assert_int_equal(before, all);
        *turned += band_count(s, right, left);
    }
}

static void test_meetings(void **state) {
    (void)state;
    const uint64_t shapes[][3] = {{12, 9, 12}, {10, 10, 90}, {60, 30, 500}}; /* size, common, other */
    struct pool *pool = pool_create(2);
    for (size_t k = 0; k < LENGTH(shapes); k++) {
        uint64_t size = shapes[k][0], common = shapes[k][1], other = shapes[k][2];
        struct records r = make_pairs(size, common, other);
        struct drawing d = make_tiers(size, other);
        struct signatures s =
            signatures_create(pool, &family_containment, &r, &d, UINT64_MAX, false, NULL, NULL);
        uint32_t met[TIERS], turned;
        count_meetings(&s, pool, met, &turned);
        double p = (double)common / (double)(size + other - common), n = PAIRS * BANDS, mean = n * p * p;
        assert_true(met[0] == 0 && met[2] == 0);
        assert_int_equal(turned, size == other ? met[1] : 0); /* the other order is of another tier */
        /* bands of a pool share values: some times the deviation of those that don't */
        if (fabs(met[1] - mean) > 4 * sqrt(3 * mean) + 1)
            fail_msg("%d in %d: %d bands met, not %g", (int)size, (int)other, (int)met[1], mean);
        for (uint32_t band = 0; band < d.bands;
             band += 350) { /* some bands at a time are what they are in all */
            struct drawing part = drawing_part(&d, band, (uint32_t)min_u64(d.bands, band + 350));
            struct signatures some =
                signatures_create(pool, &family_containment, &r, &part, UINT64_MAX, false, NULL, NULL);
            uint64_t each = band_keys_each(&s.keys);
            assert_memory_equal(some.keys.key, s.keys.key + band * each,
                                part.bands * each * sizeof *s.keys.key);
            signatures_free(&some);
        }
        signatures_free(&s);
        records_free(&r);
    }
    pool_destroy(pool);
}

/* Bands of one row that share nothing: how many of them meet is binomial, by the Jaccard similarity. */
static void test_law(void **state) {
    (void)state;
    struct pool *pool = pool_create(1);
    for (uint64_t other = 12; other <= 12000; other *= 10) {
        struct records r = make_pairs(12, 9, other);
        struct drawing d = {.bands = TIERS * BANDS, .rows = 1, .seed = 9};
        struct signatures s =
            signatures_create(pool, &family_containment, &r, &d, UINT64_MAX, false, NULL, NULL);
        uint32_t met[TIERS], turned;
        count_meetings(&s, pool, met, &turned);
        double p = 9. / (double)(3 + other), n = PAIRS * TIERS * BANDS, sum = met[0] + met[1] + met[2];
        assert_true(fabs(sum - n * p) < 4 * sqrt(n * p * (1 - p)) + 1);
        assert_int_equal(turned, met[0] + met[1] + met[2]);
        d.ratio = (double)other / 12;
        assert_true(fabs(family_containment.agreement(0.75, &d) - p) < 1e-8);
        signatures_free(&s);
        records_free(&r);
    }
    pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),  cmocka_unit_test(test_choice), cmocka_unit_test(test_no_choice),
        cmocka_unit_test(test_meetings), cmocka_unit_test(test_law),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
