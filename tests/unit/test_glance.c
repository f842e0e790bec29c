/* Glances: never sure of what the sums in double precision deny, at thresholds next to a pair's own value and
 * however its coordinates are made; sure of nearly all that misses by more than a little. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "lshjoin/distance.h"
#include "lshjoin/family.h"
#include "lshjoin/glance.h"

enum { MOST = 300, TRIALS = 40, LONG = 200000 };

/* What a pair has. */
struct truth {
    double cosine, product, difference;
    double size, squares; /* |x||y|, and what bounds it: the mean of their squares */
};

static struct truth truth_of(const float *x, const float *y, uint64_t n) {
    struct moments m = vector_moments(x, y, n, sizeof *x, SIMD_SCALAR);
    return (struct truth){.cosine = m.xy / sqrt(m.xx * m.yy),
                          .product = m.xy,
                          .difference = vector_difference(x, y, n, sizeof *x, INFINITY, SIMD_SCALAR),
                          .size = sqrt(m.xx * m.yy),
                          .squares = (m.xx + m.yy) / 2};
}

/* Thresholds that the pair reaches, from its own value on. */
static void check_never_wrong(const float *x, const float *y, uint64_t n) {
    const double slack[] = {0, 1e-16, 1e-12, 1e-8, 1e-6, 1e-5, 1e-4, 1e-2, 1, INFINITY};
    struct truth t = truth_of(x, y, n);
    for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++)
        for (size_t i = 0; i < LENGTH(slack); i++) {
            assert_false(glance_cosine_below(x, y, n, t.cosine - slack[i], (enum simd)level));
            double by = isinf(slack[i]) ? slack[i] : slack[i] * t.size;
            assert_false(glance_product_below(x, y, n, t.product - by, (enum simd)level));
            by = isinf(slack[i]) ? slack[i] : slack[i] * t.difference;
            assert_false(glance_difference_above(x, y, n, t.difference + by, (enum simd)level));
        }
}

/* Thresholds that it misses by a ten thousandth. */
static void check_sure(const float *x, const float *y, uint64_t n) {
    struct truth t = truth_of(x, y, n);
    for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
        assert_true(glance_cosine_below(x, y, n, t.cosine + 1e-4, (enum simd)level));
        assert_true(glance_product_below(x, y, n, t.product + 1e-4 * t.squares, (enum simd)level));
        assert_true(glance_difference_above(x, y, n, t.difference * (1 - 1e-4), (enum simd)level));
    }
}

/* y: anything, nearly x, or nearly -x. */
static void draw(float *x, float *y, uint64_t n, int trial, uint64_t *seed) {
    for (uint64_t i = 0; i < n; i++) {
        x[i] = (float)random_below(seed, 20001) / 10000 - 1;
        y[i] = (float)random_below(seed, 20001) / 10000 - 1;
        if (trial % 4 > 0)
            y[i] = (trial % 4 == 3 ? -1.0f : 1.0f) * x[i] + y[i] * (trial % 4 == 1 ? 1e-3f : 0.2f);
    }
    x[0] += 1; /* never 0 */
    y[0] += 2;
}

static void test_random(void **state) {
    (void)state;
    float x[MOST], y[MOST];
    uint64_t seed = 1;
    for (uint64_t n = 1; n <= MOST; n++)
        for (int trial = 0; trial < TRIALS; trial++) {
            draw(x, y, n, trial, &seed);
            check_never_wrong(x, y, n);
            check_sure(x, y, n);
        }
}

/* From where squares vanish to where they overflow. */
static void test_sizes(void **state) {
    (void)state;
    float x[MOST], y[MOST];
    uint64_t seed = 2;
    for (int power = -149; power < 127; power++)
        for (int trial = 0; trial < 2 * TRIALS; trial++) {
            uint64_t n = 1 + random_below(&seed, MOST);
            int other = trial % 2 ? power : (int)random_below(&seed, 270) - 149;
            draw(x, y, n, trial / 2, &seed);
            for (uint64_t i = 0; i < n; i++) {
                x[i] = ldexpf(x[i], power);
                y[i] = ldexpf(y[i], trial % 3 ? other : (int)random_below(&seed, 270) - 149);
            }
            check_never_wrong(x, y, n);
        }
}

/* Roundings that all go one way: the same coordinate again and again. */
static void test_long(void **state) {
    (void)state;
    static float x[LONG], y[LONG];
    uint64_t seed = 3;
    for (int trial = 0; trial < 60; trial++) {
        float a = 1 + (float)random_below(&seed, 1 << 20) * 0x1p-20f,
              b = a * (1 + 0x1p-12f * (float)(trial % 5));
        uint64_t n = LONG >> trial % 10;
        for (uint64_t i = 0; i < n; i++) {
            x[i] = a;
            y[i] = trial % 3 && i % 3 == 0 ? -b : b;
        }
        check_never_wrong(x, y, n);
    }
}

static void test_no_numbers(void **state) {
    (void)state;
    float x[MOST] = {0}, y[MOST] = {0};
    const float odd[] = {NAN, INFINITY, 0, 3e38f};
    for (size_t i = 0; i < LENGTH(odd); i++)
        for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
            x[7] = odd[i];
            assert_false(glance_cosine_below(x, y, MOST, 0.9, (enum simd)level));
            assert_false(glance_product_below(x, y, MOST, 0.9, (enum simd)level));
            assert_false(glance_difference_above(x, y, MOST, INFINITY, (enum simd)level));
        }
}

/* Floats have a glance and doubles do not: the same pairs are kept, with the same value, if their numbers are
 * the same. */
static void test_families(void **state) {
    (void)state;
    const struct family *const families[] = {&family_cosine, &family_ip, &family_l2};
    float x[2][MOST];
    double wide[2][MOST];
    uint64_t seed = 4, kept = 0, missed = 0;
    for (int trial = 0; trial < 20000; trial++) {
        const struct family *family = families[trial % 3];
        uint64_t n = 1 + random_below(&seed, MOST);
        draw(x[0], x[1], n, trial / 3, &seed);
        for (uint64_t i = 0; i < n; i++) {
            wide[0][i] = (double)x[0][i];
            wide[1][i] = (double)x[1][i];
        }
        struct truth is = truth_of(x[0], x[1], n);
        double own = family == &family_cosine ? is.cosine
                     : family == &family_ip   ? is.product
                                              : sqrt(is.difference);
        double off = (double)random_below(&seed, 3) - 1;
        struct threshold t = {.value = own * (1 + off * ldexp(1, -(int)random_below(&seed, 54)))};
        double value[2];
        bool narrow = family->verify(&t, x[0], n, x[1], n, sizeof(float), &value[0]);
        assert_int_equal(narrow, family->verify(&t, wide[0], n, wide[1], n, sizeof(double), &value[1]));
        assert_true(!narrow || value[0] == value[1]);
        kept += narrow;
        missed += !narrow;
    }
    assert_true(kept > 5000 && missed > 5000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),     cmocka_unit_test(test_sizes),    cmocka_unit_test(test_long),
        cmocka_unit_test(test_no_numbers), cmocka_unit_test(test_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
