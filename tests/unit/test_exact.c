/* Exact joins against all pairs compared one by one: who meets whom, threads, batches, limits. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/exact.h"
#include "lshjoin/weighted.h"

enum { ROWS = 300, WIDTH = 5 };

/* What a test joins. */
struct data {
    struct records records;
    const struct family *family;
    struct threshold threshold;
    struct sieve sieve;
    struct coarse coarse;
    struct rarity rarity;
};

/* Empty sets, to be filled; room for `most` elements each. */
static struct data empty_sets(struct fraction threshold, uint64_t most) {
    struct data d = {.family = &family_jaccard, .threshold.exact = threshold};
    d.records = (struct records){.n = ROWS, .item = 4, .offset = mem_zero(ROWS + 1, sizeof(uint64_t))};
    d.records.data = mem_alloc(ROWS * most, 4);
    return d;
}

/* `crowded`: elements share places in the table of rarities. */
static struct data sets(struct pool *pool, struct fraction threshold, bool crowded) {
    struct data d = empty_sets(threshold, 8);
    uint64_t seed = 1, end = 0;
    for (uint64_t row = 0; row < ROWS; row++) {
        for (uint32_t x = 0; x < 8; x++)
            if (random_below(&seed, 100) < row % 5 * 20)
                ((uint32_t *)d.records.data)[end++] = x;
        d.records.offset[row + 1] = end;
    }
    d.rarity = rarity_create(end, 7);
    if (crowded) {
        d.rarity.places = 4;
        d.rarity.shift = 62;
    }
    rarity_count(&d.rarity, pool, &d.records, 4);
    rarity_sort(&d.rarity);
    return d;
}

/* The same elements with weights. */
static struct data weighted_sets(struct pool *pool, struct fraction threshold, bool crowded) {
    struct data d = sets(pool, threshold, crowded);
    uint64_t n = records_items(&d.records), seed = 4;
    const uint32_t *element = d.records.data;
    struct weighted_narrow *item = mem_alloc(n, sizeof *item);
    for (uint64_t i = 0; i < n; i++)
        item[i] = (struct weighted_narrow){element[i], 0.1f * (float)(1 + random_below(&seed, 8) / 7)};
    free(d.records.data);
    d.records.data = item;
    d.records.item = sizeof *item;
    d.family = &family_weighted_jaccard;
    return d;
}

static struct data contained_sets(struct pool *pool, struct fraction threshold, bool crowded) {
    struct data d = sets(pool, threshold, crowded);
    d.family = &family_containment;
    return d;
}

static struct data vectors(const struct family *family, double threshold) {
    struct data d = {.family = family, .threshold.value = threshold};
    uint64_t seed = 2;
    double box[2 * WIDTH];
    d.records = (struct records){.n = ROWS, .item = 4, .width = WIDTH, .data = mem_alloc(ROWS * WIDTH, 4)};
    for (uint64_t i = 0; i < ROWS * WIDTH; i++) /* whole numbers: many ties */
        ((float *)d.records.data)[i] = 1 + (float)random_below(&seed, 4);
    sieve_box(&d.records, box);
    d.sieve = sieve_create(family, &d.records, sqrt(16 * WIDTH), box, cpu_simd());
    coarse_box(&d.sieve, &d.records, box);
    d.coarse = coarse_create(&d.sieve, box, cpu_vnni());
    return d;
}

static void data_free(struct data *d) {
    records_free(&d->records);
    rarity_free(&d->rarity);
    coarse_free(&d->coarse);
    sieve_free(&d->sieve);
}

/* Rows [lo, hi) under their own numbers. */
static struct exact_rows part(const struct data *d, uint64_t lo, uint64_t hi) {
    struct exact_rows rows = {d->records, lo};
    rows.records.n = hi - lo;
    if (rows.records.offset)
        rows.records.offset += lo;
    else
        rows.records.data = (float *)rows.records.data + lo * WIDTH;
    return rows;
}

static bool meets(const struct exact_plan *plan, const struct exact_meeting *m, uint64_t i, uint64_t j) {
    uint64_t x = plan->stay.first + i, y = m->moving.first + j;
    return !(m->unequal && x == y) && !(m->among && x >= y);
}

static bool expected(const struct data *d, const struct exact_plan *plan, const struct exact_meeting *m,
                     uint64_t i, uint64_t j, double *value) {
    const struct records *a = &plan->stay.records, *b = &m->moving.records;
    uint64_t na = records_length(a, i), nb = records_length(b, j);
    if (!meets(plan, m, i, j) || na == 0 || nb == 0)
        return false;
    const void *x = records_row(a, i), *y = records_row(b, j);
    bool turned = d->family->is_directed && !plan->left_stays;
    if (!(turned ? d->family->verify(&d->threshold, y, nb, x, na, a->item, value)
                 : d->family->verify(&d->threshold, x, na, y, nb, a->item, value)))
        return false;
    if (!d->family->is_of_vectors && *value == 0) /* nothing in common, and a threshold of 0 */
        return false;
    return !plan->limit ||
           (d->family->smaller_is_nearer ? *value <= plan->limit[i] : *value >= plan->limit[i]);
}

/* One meeting, in batches of about `most`. Returns how many pairs there are. Among rows that stay a pair may
 * come either way round. */
static uint64_t check(struct exact *x, const struct data *d, const struct exact_plan *plan,
                      const struct exact_meeting *m, uint64_t most) {
    double *value = mem_alloc(ROWS * ROWS, sizeof *value), right;
    uint64_t n, wanted = 0, pairs = 0, met = 0, before = exact_comparisons(x);
    for (uint64_t k = 0; k < ROWS * ROWS; k++)
        value[k] = NAN;
    exact_meet(x, m);
    for (bool more = true; more;) {
        const struct exact_pair *p = exact_next(x, most, &n, &more);
        for (uint64_t k = 0; k < n; k++) {
            uint64_t a = p[k].stay, b = p[k].moving, to = m->moving.first + b - plan->stay.first;
            bool turned = m->among && a > to;
            double *at = &value[turned ? (to * ROWS + a + plan->stay.first - m->moving.first) : a * ROWS + b];
            assert_true(isnan(*at));
            *at = p[k].value;
        }
        pairs += n;
    }
    for (uint64_t i = 0; i < plan->stay.records.n; i++)
        for (uint64_t j = 0; j < m->moving.records.n; j++) {
            met += meets(plan, m, i, j);
            if (expected(d, plan, m, i, j, &right)) {
                assert_true(value[i * ROWS + j] == right);
                wanted++;
            }
        }
    assert_true(pairs == wanted && exact_share(x) == 1);
    assert_true(!d->family->is_of_vectors || exact_comparisons(x) - before == met);
    free(value);
    return pairs;
}

/* Blocks of any place and size, in one join after another. */
static uint64_t check_side(struct pool *pool, const struct data *d, bool left_stays) {
    struct exact_plan plan = {.pool = pool,
                              .family = d->family,
                              .threshold = d->threshold,
                              .sieve = &d->sieve,
                              .coarse = &d->coarse,
                              .rarity = &d->rarity,
                              .stay = part(d, 10, 210),
                              .left_stays = left_stays};
    struct exact *x = exact_create(&plan);
    uint64_t pairs = 0, most[] = {1, 50, 1000000};
    for (size_t k = 0; k < LENGTH(most); k++) {
        if (!d->family->is_directed)
            pairs += check(x, d, &plan, &(struct exact_meeting){.moving = plan.stay, .among = true}, most[k]);
        pairs += check(x, d, &plan, &(struct exact_meeting){.moving = part(d, 210, 300)}, most[k]);
        pairs +=
            check(x, d, &plan, &(struct exact_meeting){.moving = part(d, 0, 300), .unequal = true}, most[k]);
        pairs += check(x, d, &plan, &(struct exact_meeting){.moving = part(d, 5, 6)}, most[k]);
        assert_true(check(x, d, &plan, &(struct exact_meeting){.moving = part(d, 5, 5)}, most[k]) == 0);
    }
    exact_free(x);
    return pairs;
}

static uint64_t check_meetings(struct pool *pool, const struct data *d) {
    uint64_t pairs = check_side(pool, d, false);
    return d->family->is_directed ? min_u64(pairs, check_side(pool, d, true)) : pairs;
}

typedef struct data sets_fn(struct pool *pool, struct fraction threshold, bool crowded);

static void check_sets(sets_fn *make) {
    const struct fraction thresholds[] = {{0, 1}, {1, 4}, {1, 2}, {4, 5}, {1, 1}};
    for (int threads = 1; threads <= 3; threads += 2)
        for (size_t k = 0; k < 2 * LENGTH(thresholds); k++) {
            struct pool *pool = pool_create(threads);
            struct data d = make(pool, thresholds[k / 2], k % 2);
            assert_true(check_meetings(pool, &d) > 100);
            data_free(&d);
            pool_destroy(pool);
        }
}

static void test_sets(void **state) {
    (void)state;
    check_sets(sets);
}

static void test_weighted_sets(void **state) {
    (void)state;
    check_sets(weighted_sets);
}

static void test_contained_sets(void **state) {
    (void)state;
    check_sets(contained_sets);
}

/* One element that all have, half of them small sets and half large ones of longer prefixes: its list is
 * unlike the others. */
static void test_long_lists(void **state) {
    (void)state;
    struct pool *pool = pool_create(1);
    struct data d = empty_sets((struct fraction){1, 2}, 20);
    uint64_t seed = 3, end = 0;
    for (uint64_t row = 0; row < ROWS; row++) {
        uint32_t size = row % 2 ? 10 : 3, universe = row % 2 ? 12 : 8;
        for (uint32_t x = 0; x < universe; x++)
            if (x == 0 || random_below(&seed, universe - x) < size - (end - d.records.offset[row]))
                ((uint32_t *)d.records.data)[end++] = x;
        d.records.offset[row + 1] = end;
    }
    d.rarity = rarity_create(end, 12);
    for (uint64_t place = 0; place < d.rarity.places; place++) /* by their numbers */
        d.rarity.count[place] = 1;
    rarity_sort(&d.rarity);
    assert_true(check_meetings(pool, &d) > 100);
    d.family = &family_containment;
    assert_true(check_meetings(pool, &d) > 100);
    data_free(&d);
    pool_destroy(pool);
}

/* Sets of one element each, which share places of all tables, but none shares its element. */
static void test_nothing_in_common(void **state) {
    (void)state;
    struct pool *pool = pool_create(1);
    struct data d = empty_sets((struct fraction){0, 1}, 1);
    for (uint64_t row = 0; row < ROWS; row++) {
        ((uint32_t *)d.records.data)[row] = (uint32_t)row * 1000;
        d.records.offset[row + 1] = row + 1;
    }
    d.rarity = rarity_create(1, 1000 * ROWS);
    d.rarity.places = 2;
    d.rarity.shift = 63;
    rarity_count(&d.rarity, pool, &d.records, 4);
    rarity_sort(&d.rarity);
    struct exact_plan plan = {.pool = pool,
                              .family = d.family,
                              .threshold = d.threshold,
                              .rarity = &d.rarity,
                              .stay = part(&d, 0, ROWS)};
    struct exact *x = exact_create(&plan);
    struct exact_meeting m = {.moving = plan.stay, .among = true};
    assert_true(check(x, &d, &plan, &m, 1000) == 0);
    assert_true(exact_comparisons(x) > 0);
    exact_free(x);
    data_free(&d);
    pool_destroy(pool);
}

static void test_vectors(void **state) {
    (void)state;
    const struct {
        const struct family *family;
        double threshold;
    } joins[] = {{&family_cosine, 0.95},
                 {&family_ip, 40},
                 {&family_l2, 2},
                 {&family_l2, INFINITY},
                 {&family_ip, -INFINITY}};
    for (int threads = 1; threads <= 3; threads += 2)
        for (size_t k = 0; k < LENGTH(joins); k++) {
            struct pool *pool = pool_create(threads);
            struct data d = vectors(joins[k].family, joins[k].threshold);
            assert_true(check_meetings(pool, &d) > 1000);
            data_free(&d);
            pool_destroy(pool);
        }
}

/* A limit for each row, and stricter ones for the next block. */
static void test_limits(void **state) {
    (void)state;
    struct pool *pool = pool_create(2);
    struct data d = vectors(&family_l2, 4);
    double limit[ROWS];
    for (uint64_t row = 0; row < ROWS; row++)
        limit[row] = row % 3 ? (double)(row % 5) : INFINITY;
    struct exact_plan plan = {.pool = pool,
                              .family = d.family,
                              .threshold = d.threshold,
                              .sieve = &d.sieve,
                              .coarse = &d.coarse,
                              .stay = part(&d, 0, ROWS),
                              .limit = limit};
    struct exact *x = exact_create(&plan);
    struct exact_meeting m = {.moving = plan.stay, .unequal = true};
    uint64_t before = check(x, &d, &plan, &m, 1000000);
    for (uint64_t row = 0; row < ROWS; row++)
        limit[row] = 1;
    assert_in_range(check(x, &d, &plan, &m, 1000000), 1, before - 1);
    assert_true(exact_comparisons(x) == 2 * ROWS * (ROWS - 1));
    exact_free(x);
    data_free(&d);
    pool_destroy(pool);
}

/* Limits that differ within a panel, each the distance of a pair, of vectors that no grid holds. */
static void test_limits_of_all_sizes(void **state) {
    (void)state;
    struct pool *pool = pool_create(1);
    struct data d = vectors(&family_l2, 1000);
    struct threshold all = {{0, 1}, INFINITY};
    double own[ROWS], limit[ROWS];
    uint64_t seed = 3;
    for (uint64_t i = 0; i < ROWS * WIDTH; i++)
        ((float *)d.records.data)[i] = 1 + (float)random_below(&seed, 1000000) / 333333;
    for (uint64_t row = 0; row < ROWS; row++)
        family_l2.verify(&all, records_row(&d.records, row), WIDTH, records_row(&d.records, row * row % 64),
                         WIDTH, 4, &own[row]);
    struct exact_plan plan = {.pool = pool,
                              .family = d.family,
                              .threshold = d.threshold,
                              .sieve = &d.sieve,
                              .coarse = &d.coarse,
                              .stay = part(&d, 0, ROWS),
                              .limit = limit};
    struct exact *x = exact_create(&plan);
    struct exact_meeting m = {.moving = plan.stay};
    for (uint64_t strict = 0; strict < PRODUCT8_PANEL; strict++) { /* one place in each panel */
        for (uint64_t row = 0; row < ROWS; row++)
            limit[row] = row % PRODUCT8_PANEL == strict ? 0 : own[row];
        assert_in_range(check(x, &d, &plan, &m, 1000000), ROWS, ROWS * ROWS - 1);
    }
    exact_free(x);
    data_free(&d);
    pool_destroy(pool);
}

/* Two parts of the same rows, each of which stays somewhere and moves by, also past the other: every pair
 * comes once. */
static uint64_t check_parts(struct pool *pool, const struct data *d, uint64_t middle, uint64_t number) {
    uint8_t *come = mem_zero(ROWS * ROWS, sizeof *come);
    struct exact_rows parts[] = {part(d, 0, middle), part(d, middle, ROWS)};
    uint64_t n, pairs = 0, looked = 0;
    for (int k = 0; k < 2; k++)
        parts[k].first += number;
    for (int k = 0; k < 4; k++) {
        struct exact_plan plan = {.pool = pool,
                                  .family = d->family,
                                  .threshold = d->threshold,
                                  .sieve = &d->sieve,
                                  .coarse = &d->coarse,
                                  .rarity = &d->rarity,
                                  .stay = parts[k / 2]};
        struct exact *x = exact_create(&plan);
        exact_meet(x, &(struct exact_meeting){.moving = parts[k % 2], .among = true});
        for (bool more = true; more;) {
            const struct exact_pair *p = exact_next(x, 1000, &n, &more);
            for (uint64_t i = 0; i < n; i++) {
                uint64_t a = parts[k / 2].first + p[i].stay - number,
                         b = parts[k % 2].first + p[i].moving - number;
                assert_true(a != b && ++come[min_u64(a, b) * ROWS + max_u64(a, b)] == 1);
            }
        }
        looked += exact_comparisons(x);
        exact_free(x);
    }
    assert_true(!d->family->is_of_vectors || looked == ROWS * (ROWS - 1) / 2);
    struct exact_plan all = {.stay = part(d, 0, ROWS)};
    for (uint64_t i = 0; i < ROWS; i++)
        for (uint64_t j = i + 1; j < ROWS; j++) {
            double value;
            assert_true(come[i * ROWS + j] ==
                        expected(d, &all, &(struct exact_meeting){.moving = all.stay}, i, j, &value));
            pairs += come[i * ROWS + j];
        }
    free(come);
    return pairs;
}

static void test_parts(void **state) {
    (void)state;
    struct pool *pool = pool_create(2);
    struct data some[] = {vectors(&family_cosine, 0.95), sets(pool, (struct fraction){1, 2}, false)};
    const uint64_t numbers[] = {0, 2048 - 150, 2048 - 77, 4096 - 150, 6144 - 1};
    for (size_t k = 0; k < LENGTH(some); k++)
        for (size_t i = 0; i < LENGTH(numbers); i++)
            for (uint64_t middle = 50; middle <= 250; middle += 100)
                assert_true(check_parts(pool, &some[k], middle, numbers[i]) > 100);
    data_free(&some[0]);
    data_free(&some[1]);
    pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_weighted_sets),
        cmocka_unit_test(test_contained_sets),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_nothing_in_common),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_limits_of_all_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
