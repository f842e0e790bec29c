/* The sieve loses no pair that verify keeps, in any metric and for numbers of any size; its levels agree; and
 * it is worth having. */
#include "near_rows.h"

/* Which rows pass with row number `at` at a limit. */
static uint64_t passing(struct sieve *s, const struct records *r, uint64_t at, double limit) {
    float *panel = mem_alloc(PRODUCT_PANEL * r->width, sizeof *panel), base[ROWS], size[ROWS], product[ROWS];
    float *row = mem_alloc(r->width, sizeof *row);
    for (uint64_t k = 0; k < ROWS; k++) {
        struct image y = sieve_image(s, records_row(r, k), panel + k, PRODUCT_PANEL);
        base[k] = sieve_base(s, y, limit);
        size[k] = y.size;
    }
    struct image x = sieve_image(s, records_row(r, at), row, 1);
    product_panel(s->simd, row, 1, r->width, panel, PRODUCT_PANEL, product, PRODUCT_PANEL);
    uint64_t passed = sieve_pass(s, product, base, size, sieve_weight(s, x), sieve_offset(s, x));
    for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
        s->simd = (enum simd)level;
        assert_true(sieve_pass(s, product, base, size, sieve_weight(s, x), sieve_offset(s, x)) == passed);
    }
    free(row);
    free(panel);
    return passed;
}

/* With the value of each pair itself as the limit, which verify keeps: none may be lost. Returns how many
 * others passed needlessly. */
static uint64_t check(const struct family *f, const struct records *r) {
    struct sieve s = sieve_of(f, r);
    uint64_t needless = 0;
    double value[ROWS], limit[ROWS];
    for (uint64_t i = 0; i < ROWS; i++) {
        for (uint64_t k = 0; k < ROWS; k++)
            value[k] = value_of(f, r, i, k);
        for (uint64_t j = 0; j < ROWS; j += 17) {
            for (uint64_t k = 0; k < ROWS; k++)
                limit[k] = value[j];
            needless += count_needless(f, passing(&s, r, i, value[j]), limit, value);
        }
    }
    sieve_free(&s);
    return needless;
}

static void test_no_pair_is_lost(void **state) {
    (void)state;
    static const double scales[] = {1, 1e-12, 1e12, 1e-28, 1e27}, shifts[] = {0, 1, 1e4, 1e9};
    static const uint64_t widths[] = {1, 2, 3, 17, 64, 300};
    uint64_t seed = 1;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (size_t w = 0; w < LENGTH(widths); w++)
            for (size_t k = 0; k < LENGTH(scales); k++)
                for (size_t h = 0; h < LENGTH(shifts); h++) {
                    size_t item = (w + k + h) % 2 ? sizeof(float) : sizeof(double);
                    struct records r = draw(widths[w], item, scales[k], scales[k] * shifts[h], &seed);
                    check(families[f], &r);
                    records_free(&r);
                }
}

/* Else it would pass the test above by letting everything through. */
static void test_few_pass_needlessly(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (uint64_t width = 16; width <= 300; width += 71) {
            struct records r = draw(width, sizeof(double), 1, families[f] == &family_l2 ? 1e4 : 0, &seed);
            assert_true(check(families[f], &r) < ROWS * (ROWS / 17 + 1) * ROWS / 50);
            records_free(&r);
        }
}

static void test_lengths_that_differ_by_far(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (size_t f = 0; f < LENGTH(families); f++) {
        struct records r = draw_far_lengths(&seed);
        check(families[f], &r);
        records_free(&r);
    }
}

/* Rows left out reach nothing, and no limit is no limit. */
static void test_rows_left_out(void **state) {
    (void)state;
    uint64_t seed = 4;
    for (size_t f = 0; f < LENGTH(families); f++) {
        struct records r = draw(9, sizeof(float), 1, 0, &seed);
        ((float *)r.data)[7 * 9] = NAN;
        struct sieve s = sieve_of(families[f], &r);
        double no_limit = families[f]->smaller_is_nearer ? INFINITY : -INFINITY;
        assert_true(passing(&s, &r, 0, no_limit) == ~((uint64_t)1 << 7));
        assert_true(passing(&s, &r, 7, no_limit) == 0);
        sieve_free(&s);
        records_free(&r);
    }
}

/* All rows alike, or zero: there is no scale, and all pass. */
static void test_no_extent(void **state) {
    (void)state;
    struct records r = {
        .n = ROWS, .item = sizeof(float), .width = 3, .data = mem_zero(ROWS * 3, sizeof(float))};
    for (int one = 0; one < 2; one++) {
        for (uint64_t i = 0; i < ROWS * 3; i++)
            ((float *)r.data)[i] = (float)one;
        check(&family_l2, &r);
        check(&family_ip, &r);
    }
    records_free(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_pair_is_lost),
        cmocka_unit_test(test_few_pass_needlessly),
        cmocka_unit_test(test_lengths_that_differ_by_far),
        cmocka_unit_test(test_rows_left_out),
        cmocka_unit_test(test_no_extent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
