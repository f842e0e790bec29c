/* The law of banding against numbers that scipy gives, and against itself. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "lshjoin/law.h"

static void assert_near(double got, double expected, double relative) {
    if (fabs(got - expected) > relative * fabs(expected))
        fail_msg("%.17g instead of %.17g", got, expected);
}

/* scipy.stats.binom.pmf(f, m, p), and sum over f of it * -expm1(bands * log1p(-comb(f, rows) / comb(m,
 * rows))); with a cut law_sketch of tests/e2e/oracle.py, whose ways for no band to be whole are whole numbers
 */
static void test_known(void **state) {
    (void)state;
    const struct {
        struct drawing d;
        double p, found;
    } known[] = {
        {{.bands = 10, .rows = 4, .pool = 16}, 0.5, 0.37671826199061276},
        {{.bands = 40, .rows = 5, .pool = 60}, 0.8, 0.9997854153546084},
        {{.bands = 30, .rows = 8, .pool = 30}, 0.9, 0.9957482038089861},
        {{.bands = 200, .rows = 6, .pool = 40}, 0.3, 0.11030025319079376},
        {{.bands = 20, .rows = 5, .pool = 0}, 0.8, 0.9996439421094793},
        {{.bands = 500, .rows = 25, .pool = 300}, 0.93, 0.9999999953585957},
        {{.bands = 60000, .rows = 40, .pool = 900}, 0.9, 1.0},
        {{.bands = 1, .rows = 1, .pool = 1}, 0.25, 0.25},
        {{.bands = 6, .rows = 4, .pool = 64, .cut = 43}, 0.8, 0.9541447643055548},
        {{.bands = 16, .rows = 4, .pool = 64, .cut = 30}, 0.6, 0.8860615495799379},
        {{.bands = 40, .rows = 3, .pool = 64, .cut = 24}, 0.5, 0.9666002818544318},
        {{.bands = 32, .rows = 14, .pool = 512, .cut = 410}, 0.856, 0.9785630145084407},
        {{.bands = 130, .rows = 16, .pool = 512, .cut = 387}, 0.8, 0.9484305881699523},
        {{.bands = 1, .rows = 64, .pool = 64, .cut = 64}, 0.99, 0.525596487525562},
        {{.bands = 64, .rows = 1, .pool = 64, .cut = 5}, 0.02, 0.009187787935101636},
        {{.bands = 8, .rows = 8, .pool = 64, .cut = 20}, 0.3, 0.0004947932341481322},
    };
    for (size_t i = 0; i < LENGTH(known); i++)
        assert_near(law_found(&known[i].d, known[i].p), known[i].found, 1e-9);
}

/* Of bands that were chosen: all sets of a small pool that may agree, one by one. */
static void test_drawn(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 4; seed++) {
        const struct drawing d = {
            .bands = 6, .rows = 3, .pool = 12, .seed = seed, .n_left_out = 2, .left_out = {1, 3}};
        uint32_t *pick = drawing_picks(&d);
        double found = 0, p = 0.6;
        for (uint32_t set = 0; set < (uint32_t)1 << d.pool; set++) {
            bool whole = false;
            for (uint32_t band = 0; band < d.bands; band++)
                whole |= (set >> pick[3 * band] & set >> pick[3 * band + 1] & set >> pick[3 * band + 2] & 1);
            int agreeing = __builtin_popcount(set);
            found += whole ? pow(p, agreeing) * pow(1 - p, (int)d.pool - agreeing) : 0;
        }
        assert_true(fabs(law_found(&d, p) - found) < 5 * 0.5 / sqrt(LAW_ORDERS));
        free(pick);
    }
    const struct drawing apart = {.bands = 6, .rows = 4, .pool = 64, .cut = 43};
    struct drawing others = apart; /* share nothing, whichever these are */
    others.n_left_out = 2;
    others.left_out[1] = 3;
    assert_true(law_found(&others, 0.8) == law_found(&apart, 0.8));
}

static void test_binomial(void **state) {
    (void)state;
    static double pmf[4097];
    const uint32_t sizes[] = {1, 2, 7, 128, 4096};
    for (size_t i = 0; i < LENGTH(sizes); i++)
        for (int k = 0; k <= 20; k++) {
            double p = k / 20.0, sum = 0, mean = 0, square = 0;
            uint32_t m = sizes[i];
            law_agreeing(m, p, pmf);
            for (uint32_t f = 0; f <= m; f++) {
                sum += pmf[f];
                mean += pmf[f] * f;
                square += pmf[f] * f * f;
            }
            assert_near(sum, 1, 1e-12);
            assert_true(fabs(mean - m * p) < 1e-9 * m);
            assert_true(fabs(square - mean * mean - m * p * (1 - p)) < 1e-8 * m * m);
        }
}

/* One band is one band, pooled or not; a pool as large as all bands together is nearly as good as plain ones,
 * and a smaller one not better. */
static void test_pool_and_plain(void **state) {
    (void)state;
    for (int k = 0; k <= 100; k++) {
        double p = k / 100.0;
        const struct drawing one = {.bands = 1, .rows = 6, .pool = 50}, plain = {.bands = 20, .rows = 5};
        struct drawing pooled = plain;
        double last = law_found(&plain, p) + 0.01;
        assert_near(law_found(&one, p), law_power(p, 6), 1e-9);
        assert_near(law_found(&plain, p), 1 - pow(1 - pow(p, 5), 20), 1e-7);
        for (pooled.pool = 400; pooled.pool >= 5; pooled.pool /= 2) {
            assert_true(law_found(&pooled, p) <= last + 1e-9);
            last = law_found(&pooled, p);
        }
    }
}

/* More bands and more agreement find more. */
static void test_rises(void **state) {
    (void)state;
    for (uint32_t pool = 0; pool <= 80; pool += 40)
        for (uint32_t bands = 1; bands < 2000; bands *= 3)
            for (int k = 0; k < 100; k++) {
                struct drawing d = {.bands = bands, .rows = 7, .pool = pool}, more = d;
                more.bands++;
                assert_true(law_found(&d, k / 100.0) <= law_found(&d, (k + 1) / 100.0) + 1e-12);
                assert_true(law_found(&d, k / 100.0) <= law_found(&more, k / 100.0) + 1e-12);
            }
}

static void test_tiny(void **state) {
    (void)state;
    const struct drawing d = {.bands = 1000, .rows = 20};
    assert_near(law_found(&d, 0.01), 1e-37, 1e-9);
    assert_true(law_certain(0.7) <= 0.7 && law_certain(0.7) > 0.7 - 1e-9);
    assert_true(law_certain(1) == 1 && law_certain(0) == 0);
}

/* Neither fewer than needed, nor more than the next fewer would do. */
static void test_least_bands(void **state) {
    (void)state;
    const struct {
        struct drawing d;
        double p, recall;
    } cases[] = {{{.rows = 4, .pool = 64, .cut = 43}, 0.8, 0.95},
                 {{.rows = 3, .pool = 64, .cut = 20}, 0.5, 0.99},
                 {{.rows = 14, .pool = 256}, 0.86, 0.9},
                 {{.rows = 5}, 0.7, 0.95},
                 {{.rows = 6, .pool = 30}, 0.8, 0.9}};
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct drawing d = cases[i].d;
        d.bands = 1;
        d.bands = law_least_bands(d, cases[i].p, cases[i].recall, 10000);
        assert_true(d.bands > 1 && law_found(&d, cases[i].p) >= cases[i].recall);
        d.bands--;
        assert_true(law_found(&d, cases[i].p) < cases[i].recall);
    }
    const struct drawing hopeless = {.bands = 1, .rows = 4, .pool = 64, .cut = 64};
    assert_int_equal(law_least_bands(hopeless, 0.8, 0.5, 10000), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),          cmocka_unit_test(test_drawn), cmocka_unit_test(test_binomial),
        cmocka_unit_test(test_pool_and_plain), cmocka_unit_test(test_rises), cmocka_unit_test(test_tiny),
        cmocka_unit_test(test_least_bands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
