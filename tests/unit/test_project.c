/* Projections: every SIMD level gives the bits of the scalar one, a row's products depend on nothing but the
 * row, and the directions are normal numbers. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/project.h"

enum { MOST_WIDTH = 300, MOST_ROWS = 9, MOST_DIRECTIONS = 200 };

/* Coordinates of very different sizes and either sign, one in ten of them 0. */
static void draw(float *x, uint64_t n, uint64_t *seed) {
    for (uint64_t i = 0; i < n; i++) {
        float size = ldexpf(1, (int)random_below(seed, 40) - 20);
        x[i] = random_below(seed, 10) ? size * ((float)random_below(seed, 2001) - 1000) : 0;
    }
}

/* [n][m] */
static float *products(const struct project *p, enum simd simd, const float *x, uint64_t n) {
    struct project at_level = *p;
    at_level.simd = simd;
    float *out = mem_alloc(n * project_stride(p), sizeof *out);
    memset(out, 0xff, n * project_stride(p) * sizeof *out);
    project_rows(&at_level, x, n, out);
    for (uint64_t row = 0; row < n; row++) /* what is beyond the last direction says nothing */
        memmove(out + row * p->m, out + row * project_stride(p), p->m * sizeof *out);
    return out;
}

static void check_levels(const struct project *p, const float *x, uint64_t n) {
    float *scalar = products(p, SIMD_SCALAR, x, n);
    for (int level = SIMD_SCALAR + 1; level <= (int)cpu_simd(); level++) {
        float *fast = products(p, (enum simd)level, x, n);
        if (memcmp(fast, scalar, n * p->m * sizeof *fast) != 0)
            fail_msg("%s: %u directions, %d rows of %d", cpu_simd_name((enum simd)level), p->m, (int)n,
                     (int)p->width);
        free(fast);
    }
    free(scalar);
}

static void test_levels_agree(void **state) {
    (void)state;
    static float x[MOST_ROWS * MOST_WIDTH];
    uint64_t seed = 1;
    for (uint64_t width = 1; width <= MOST_WIDTH; width++)
        for (uint64_t n = 1; n <= MOST_ROWS; n++) {
            uint32_t m = (uint32_t)(1 + (width * MOST_ROWS + n) * 37 % MOST_DIRECTIONS);
            struct project p = project_create(m, width, width, SIMD_SCALAR);
            draw(x, n * width, &seed);
            check_levels(&p, x, n);
            project_free(&p);
        }
}

static void test_every_number_of_directions(void **state) {
    (void)state;
    static float x[MOST_ROWS * 37];
    uint64_t seed = 2;
    draw(x, LENGTH(x), &seed);
    for (uint32_t m = 1; m <= MOST_DIRECTIONS; m++) {
        struct project p = project_create(m, 37, m, SIMD_SCALAR);
        check_levels(&p, x, MOST_ROWS);
        project_free(&p);
    }
}

/* What is not a number stays so in every product of its row, and in no other row. */
static void test_rows_that_are_no_numbers(void **state) {
    (void)state;
    enum { WIDTH = 21 };
    float x[MOST_ROWS * WIDTH];
    uint64_t seed = 3;
    draw(x, LENGTH(x), &seed);
    x[4 * WIDTH] = NAN;
    x[6 * WIDTH + WIDTH - 1] = NAN;
    struct project p = project_create(70, WIDTH, 0, SIMD_SCALAR);
    for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
        float *out = products(&p, (enum simd)level, x, MOST_ROWS);
        for (uint64_t row = 0; row < MOST_ROWS; row++)
            for (uint64_t k = 0; k < p.m; k++)
                assert_true(!isnan(out[row * p.m + k]) == (row != 4 && row != 6));
        free(out);
    }
    project_free(&p);
}

/* A row alone, and among any others in any place: the same bits. */
static void test_a_row_stands_for_itself(void **state) {
    (void)state;
    enum { WIDTH = 123, ROWS = 40 };
    static float x[ROWS * WIDTH];
    uint64_t seed = 4;
    draw(x, LENGTH(x), &seed);
    struct project p = project_create(130, WIDTH, 5, SIMD_SCALAR);
    uint64_t stride = p.m;
    for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
        float *all = products(&p, (enum simd)level, x, ROWS);
        for (uint64_t first = 0; first < ROWS; first++)
            for (uint64_t n = 1; n <= MOST_ROWS && first + n <= ROWS; n++) {
                float *some = products(&p, (enum simd)level, x + first * WIDTH, n);
                assert_memory_equal(some, all + first * stride, n * stride * sizeof *some);
                free(some);
            }
        free(all);
    }
    project_free(&p);
}

static float coordinate(const struct project *p, uint64_t k, uint64_t i) {
    return p->panel[(k / PROJECT_PANEL * p->width + i) * PROJECT_PANEL + k % PROJECT_PANEL];
}

/* Direction k is the same however many there are, and what lies beyond the last one is zero. */
static void test_directions_do_not_depend_on_their_number(void **state) {
    (void)state;
    enum { WIDTH = 19 };
    struct project most = project_create(MOST_DIRECTIONS, WIDTH, 6, SIMD_SCALAR);
    for (uint32_t m = 1; m < MOST_DIRECTIONS; m++) {
        struct project p = project_create(m, WIDTH, 6, cpu_simd());
        for (uint64_t k = 0; k < project_stride(&p); k++)
            for (uint64_t i = 0; i < WIDTH; i++)
                assert_true(coordinate(&p, k, i) == (k < m ? coordinate(&most, k, i) : 0));
        project_free(&p);
    }
    project_free(&most);
}

/* The products are those of the directions, as exactly as single precision has them. */
static void test_against_long_double(void **state) {
    (void)state;
    enum { WIDTH = 257, ROWS = 5 };
    static float x[ROWS * WIDTH];
    uint64_t seed = 7;
    for (size_t i = 0; i < LENGTH(x); i++)
        x[i] = (float)random_below(&seed, 2001) / 1000 - 1;
    struct project p = project_create(100, WIDTH, 8, cpu_simd());
    float *out = products(&p, cpu_simd(), x, ROWS);
    for (uint64_t row = 0; row < ROWS; row++)
        for (uint64_t k = 0; k < p.m; k++) {
            long double sum = 0, size = 0;
            for (uint64_t i = 0; i < WIDTH; i++) {
                long double term = (long double)x[row * WIDTH + i] * coordinate(&p, k, i);
                sum += term;
                size += fabsl(term);
            }
            assert_true(fabsl(out[row * p.m + k] - sum) < 2e-6L * size);
        }
    free(out);
    project_free(&p);
}

/* ---- the random numbers
 * All is drawn from fixed seeds, so that these tests pass always or never; each statement was to hold
 * within 4.5 standard deviations before the first number was drawn. */

enum { DRAWS = 1000000 };

static void check_within(const char *what, double got, double expected, double deviation) {
    if (!(fabs(got - expected) <= 4.5 * deviation))
        fail_msg("%s: %.6f, not %.6f +- %.6f", what, got, expected, 4.5 * deviation);
}

/* chi-square of `cells` counts, which has cells-1 degrees of freedom. */
static void check_counts(const char *what, const uint64_t *count, const double *share, uint64_t cells) {
    double sum = 0;
    for (uint64_t i = 0; i < cells; i++) {
        double expected = share[i] * DRAWS;
        sum += ((double)count[i] - expected) * ((double)count[i] - expected) / expected;
    }
    check_within(what, sum, (double)cells - 1, sqrt(2 * ((double)cells - 1)));
}

static void test_uniform(void **state) {
    (void)state;
    enum { CELLS = 100 };
    struct random r = {9};
    uint64_t cell[CELLS] = {0}, pair[CELLS] = {0};
    double share[CELLS], before = 0.5;
    for (int i = 0; i < CELLS; i++)
        share[i] = 1.0 / CELLS;
    for (int i = 0; i < DRAWS; i++) {
        double u = random_uniform(&r);
        assert_true(u > 0 && u < 1);
        cell[(int)(u * CELLS)]++;
        pair[(int)(before * 10) * 10 + (int)(u * 10)]++;
        before = u;
    }
    check_counts("uniform", cell, share, CELLS);
    check_counts("consecutive uniform", pair, share, CELLS);
}

/* The polar method with libm's logarithm. */
static double reference_normal(struct random *r) {
    double u, v, s;
    do {
        u = 2 * random_uniform(r) - 1;
        v = 2 * random_uniform(r) - 1;
        s = u * u + v * v;
    } while (s >= 1);
    return u * sqrt(-2 * log(s) / s);
}

static void test_normal_against_libm(void **state) {
    (void)state;
    struct random ours = {10}, theirs = {10};
    for (int i = 0; i < DRAWS; i++) {
        double x = random_normal(&ours), y = reference_normal(&theirs);
        assert_true(fabs(x - y) <= 1e-13 * fabs(y));
        assert_true(ours.state == theirs.state);
    }
}

/* E x^k of the standard normal distribution and the variance of x^k. */
static void test_normal_moments(void **state) {
    (void)state;
    struct random r = {11};
    double sum[5] = {0}, before = 0, products_of_two = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = random_normal(&r), power = 1;
        for (int k = 1; k <= 4; k++)
            sum[k] += power *= x;
        products_of_two += x * before;
        before = x;
    }
    check_within("mean", sum[1] / DRAWS, 0, sqrt(1.0 / DRAWS));
    check_within("second moment", sum[2] / DRAWS, 1, sqrt(2.0 / DRAWS));
    check_within("third moment", sum[3] / DRAWS, 0, sqrt(15.0 / DRAWS));
    check_within("fourth moment", sum[4] / DRAWS, 3, sqrt(96.0 / DRAWS));
    check_within("product of two", products_of_two / DRAWS, 0, sqrt(1.0 / DRAWS));
}

/* Upper ends of cells and the share of the distribution below them, tails included. */
static const struct {
    double x, below;
} quantile[] = {
    {-3.7190164854556804, 0.0001}, {-3.0902323061678132, 0.001}, {-2.3263478740408408, 0.01},
    {-1.6448536269514729, 0.05},   {-1.2815515655446004, 0.1},   {-0.8416212335729143, 0.2},
    {-0.5244005127080409, 0.3},    {-0.2533471031357997, 0.4},   {0, 0.5},
    {0.2533471031357997, 0.6},     {0.5244005127080407, 0.7},    {0.8416212335729143, 0.8},
    {1.2815515655446004, 0.9},     {1.6448536269514722, 0.95},   {2.3263478740408408, 0.99},
    {3.0902323061678132, 0.999},   {3.7190164854557084, 0.9999}, {INFINITY, 1},
};

static uint64_t cell_of(double x) {
    uint64_t i = 0;
    while (x >= quantile[i].x)
        i++;
    return i;
}

static void check_quantiles(const char *what, const uint64_t *count) {
    double share[LENGTH(quantile)];
    for (size_t i = 0; i < LENGTH(quantile); i++)
        share[i] = quantile[i].below - (i ? quantile[i - 1].below : 0);
    check_counts(what, count, share, LENGTH(quantile));
}

static void test_normal_quantiles(void **state) {
    (void)state;
    struct random r = {12};
    uint64_t count[LENGTH(quantile)] = {0};
    for (int i = 0; i < DRAWS; i++)
        count[cell_of(random_normal(&r))]++;
    check_quantiles("quantiles", count);
}

/* All coordinates of all directions together, which come from as many streams. */
static void test_directions_are_normal(void **state) {
    (void)state;
    uint64_t count[LENGTH(quantile)] = {0};
    struct project p = project_create(2000, DRAWS / 2000, 13, SIMD_SCALAR);
    for (uint64_t k = 0; k < p.m; k++)
        for (uint64_t i = 0; i < p.width; i++)
            count[cell_of((double)coordinate(&p, k, i))]++;
    check_quantiles("quantiles of directions", count);
    project_free(&p);
}

/* The correlation of direction k of a seed with direction l of another. */
static double correlation(const struct project *p, uint64_t k, const struct project *q, uint64_t l) {
    double sum = 0;
    for (uint64_t i = 0; i < p->width; i++)
        sum += (double)coordinate(p, k, i) * (double)coordinate(q, l, i);
    return sum / (double)p->width;
}

/* Directions of a seed have nothing to do with each other, nor with those of the seeds next to it. */
static void test_directions_are_independent(void **state) {
    (void)state;
    enum { WIDTH = 10000, DIRECTIONS = 64 };
    double deviation = sqrt(1.0 / WIDTH);
    struct project p = project_create(DIRECTIONS, WIDTH, 14, SIMD_SCALAR);
    for (uint64_t seed = 14; seed < 18; seed++) {
        struct project q = project_create(DIRECTIONS, WIDTH, seed, SIMD_SCALAR);
        for (uint64_t k = 0; k < DIRECTIONS; k++)
            for (uint64_t l = 0; l < DIRECTIONS; l++)
                if (k != l || seed != 14) /* 16,000 correlations: the largest lies near 4 deviations */
                    assert_true(fabs(correlation(&p, k, &q, l)) < 6 * deviation);
        project_free(&q);
    }
    project_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_agree),
        cmocka_unit_test(test_every_number_of_directions),
        cmocka_unit_test(test_rows_that_are_no_numbers),
        cmocka_unit_test(test_a_row_stands_for_itself),
        cmocka_unit_test(test_directions_do_not_depend_on_their_number),
        cmocka_unit_test(test_against_long_double),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_normal_against_libm),
        cmocka_unit_test(test_normal_moments),
        cmocka_unit_test(test_normal_quantiles),
        cmocka_unit_test(test_directions_are_normal),
        cmocka_unit_test(test_directions_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
