/* The values that bands of a pool are made of: random sets of them, each band's its own. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "lshjoin/drawing.h"

static const struct drawing drawings[] = {
    {.bands = 5000, .rows = 1, .pool = 1},     {.bands = 5000, .rows = 1, .pool = 10},
    {.bands = 5000, .rows = 9, .pool = 10},    {.bands = 5000, .rows = 10, .pool = 10},
    {.bands = 5000, .rows = 3, .pool = 10},    {.bands = 5000, .rows = 6, .pool = 40, .seed = 1},
    {.bands = 20, .rows = 1000, .pool = 4096}, {.bands = 65535, .rows = 2, .pool = 7, .seed = UINT64_MAX},
};

static void test_sets(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(drawings); i++) {
        const struct drawing *d = &drawings[i];
        uint32_t *pick = drawing_picks(d), *again = drawing_picks(d);
        for (uint32_t k = 0; k < d->bands * d->rows; k++) {
            assert_true(pick[k] < d->pool);
            assert_true(k % d->rows == 0 || pick[k - 1] < pick[k]);
        }
        assert_memory_equal(pick, again, d->bands * d->rows * sizeof *pick);
        free(pick);
        free(again);
    }
}

static void test_no_pool(void **state) {
    (void)state;
    const struct drawing d = {.bands = 10, .rows = 3};
    assert_null(drawing_picks(&d));
    assert_int_equal(drawing_values(&d), 30);
    assert_int_equal(drawing_values(&drawings[4]), 10);
}

/* Where there are enough, no two bands share any. */
static void test_enough(void **state) {
    (void)state;
    const struct drawing d = {.bands = 5, .rows = 4, .pool = 20};
    uint32_t *pick = drawing_picks(&d);
    assert_true(drawing_is_plain(&d));
    for (uint32_t k = 0; k < 20; k++)
        assert_int_equal(pick[k], k);
    free(pick);
}

/* The others are what they were. */
static void test_left_out(void **state) {
    (void)state;
    const struct drawing all[] = {{.bands = 12, .rows = 4, .pool = 50}, {.bands = 40, .rows = 3, .pool = 64}};
    for (size_t i = 0; i < LENGTH(all); i++) {
        struct drawing d = all[i];
        d.bands -= 3;
        d.n_left_out = 3;
        d.left_out[0] = 0;
        d.left_out[1] = 4;
        d.left_out[2] = 5;
        uint32_t *pick = drawing_picks(&d), *of_all = drawing_picks(&all[i]);
        assert_memory_equal(pick, of_all + d.rows, 3 * d.rows * sizeof *pick);
        assert_memory_equal(pick + 3 * d.rows, of_all + 6 * d.rows, (d.bands - 3) * d.rows * sizeof *pick);
        free(pick);
        free(of_all);
    }
}

/* Chi-square over all its degrees of freedom as a normal number (Wilson and Hilferty 1931). */
static double chi_square(const uint32_t *count, uint32_t cells, double expected) {
    double sum = 0, df = cells - 1, part = 2 / (9 * df);
    for (uint32_t k = 0; k < cells; k++)
        sum += (count[k] - expected) * (count[k] - expected) / expected;
    return (cbrt(sum / df) - (1 - part)) / sqrt(part);
}

/* A set of 3 out of 8 as a number below 56, rising with the elements from the last on. */
static uint32_t number_of(const uint32_t *set) {
    return set[0] + set[1] * (set[1] - 1) / 2 + set[2] * (set[2] - 1) * (set[2] - 2) / 6;
}

enum { SETS = 56, BANDS = 60000 };

/* All sets come equally often, at any seed and whatever the sets of the bands before are. */
static void test_uniform_and_independent(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++)
        for (uint32_t lag = 1; lag <= 3; lag++) {
            static uint32_t one[SETS], two[SETS * SETS];
            const struct drawing d = {.bands = BANDS, .rows = 3, .pool = 8, .seed = seed};
            uint32_t *pick = drawing_picks(&d);
            for (uint32_t k = 0; k < SETS * SETS; k++)
                one[k % SETS] = two[k] = 0;
            for (uint32_t band = 0; band < BANDS; band++) {
                uint32_t set = number_of(pick + 3 * (uint64_t)band);
                one[set]++;
                if (band >= lag)
                    two[number_of(pick + 3 * (uint64_t)(band - lag)) * SETS + set]++;
            }
            assert_true(fabs(chi_square(one, SETS, (double)BANDS / SETS)) < 4);
            assert_true(fabs(chi_square(two, SETS * SETS, (double)(BANDS - lag) / (SETS * SETS))) < 4);
            free(pick);
        }
}

/* The first band, over seeds. */
static void test_seeds(void **state) {
    (void)state;
    uint32_t count[SETS] = {0};
    for (uint64_t seed = 0; seed < BANDS; seed++) {
        const struct drawing d = {.bands = 3, .rows = 3, .pool = 8, .seed = seed}; /* too few for all */
        uint32_t *pick = drawing_picks(&d);
        count[number_of(pick)]++;
        free(pick);
    }
    assert_true(fabs(chi_square(count, SETS, (double)BANDS / SETS)) < 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),   cmocka_unit_test(test_no_pool),
        cmocka_unit_test(test_enough), cmocka_unit_test(test_uniform_and_independent),
        cmocka_unit_test(test_seeds),  cmocka_unit_test(test_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
