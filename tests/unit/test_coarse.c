/* The coarse sieve loses no pair that verify keeps, in any metric and for numbers of any size; and it is
 * worth having. */
#include "near_rows.h"

#include "lshjoin/coarse.h"

/* What a test looks at: rows, their sieves, and their coarse images as rows and as columns. */
struct data {
    const struct family *family;
    struct records records;
    struct sieve sieve;
    struct coarse coarse;
    int8_t *row, *column;
    struct coarse_image image[ROWS];
    int32_t sum[ROWS];
};

/* The box of the images is known from that of the rows. */
static void check_box(const struct sieve *s, const struct records *r, const double *box) {
    double *of_rows = mem_alloc(2 * r->width, sizeof *of_rows);
    sieve_box(r, of_rows);
    coarse_box_of(s, of_rows);
    for (uint64_t k = 0; k < 2 * r->width && s->kind != SIEVE_COSINE && !s->passes_all; k++)
        assert_true(of_rows[k] == box[k]);
    free(of_rows);
}

/* Takes the records. */
static struct data prepare(const struct family *f, struct records r) {
    struct data d = {.family = f, .records = r};
    double *box = mem_alloc(2 * r.width, sizeof *box);
    float *image = mem_alloc(r.width, sizeof *image);
    d.sieve = sieve_of(f, &r);
    coarse_box(&d.sieve, &r, box);
    check_box(&d.sieve, &r, box);
    d.coarse = coarse_create(&d.sieve, box, cpu_vnni());
    uint64_t bytes = d.coarse.quads * PRODUCT8_QUAD;
    d.row = mem_alloc(ROWS, bytes);
    d.column = mem_alloc(ROWS, bytes);
    for (uint64_t i = 0; i < ROWS; i++) {
        sieve_image(&d.sieve, records_row(&r, i), image, 1);
        coarse_image(&d.coarse, image, d.row + i * bytes, PRODUCT8_QUAD);
        d.image[i] = coarse_image(&d.coarse, image, d.column + i * PRODUCT8_QUAD, ROWS * PRODUCT8_QUAD);
        d.sum[i] = d.image[i].sum;
    }
    free(image);
    free(box);
    return d;
}

static void data_free(struct data *d) {
    records_free(&d->records);
    coarse_free(&d->coarse);
    sieve_free(&d->sieve);
    free(d->row);
    free(d->column);
}

/* Which rows pass with row number `at`: row k at limit[k]. Every level says the same. */
static uint64_t passing(const struct data *d, uint64_t at, const double *limit) {
    int32_t start[ROWS], offset;
    double reach = 0;
    for (uint64_t k = 0; k < ROWS; k++) {
        struct coarse_limit l = coarse_limit(&d->coarse, limit[k]);
        start[k] = coarse_start(d->image[k], l);
        reach = fmax(reach, l.reach);
    }
    coarse_offsets(&d->image[at], 1, (float)reach, &offset);
    struct panel8 p = {d->column, d->sum, start};
    uint64_t passed = 0, again, quads = d->coarse.quads;
    const int8_t *row = d->row + at * quads * PRODUCT8_QUAD;
    if (!product8_reach(SIMD_SCALAR, false, &p, row, 1, quads, &offset, &passed))
        passed = 0;
    for (int level = SIMD_AVX2; level <= (int)cpu_simd() + cpu_vnni(); level++) {
        bool vnni = level > (int)cpu_simd();
        again = 0;
        product8_reach(vnni ? cpu_simd() : (enum simd)level, vnni, &p, row, 1, quads, &offset, &again);
        assert_true(again == passed);
    }
    return passed;
}

static uint64_t check_row(const struct data *d, uint64_t at, const double *limit, const double *value) {
    return count_needless(d->family, passing(d, at, limit), limit, value);
}

/* With the value of each pair as the limit of all, and with the value of each as its own, which verify keeps.
 * Takes the records. Returns the share of other pairs that passed needlessly, of all with one limit. */
static double check(const struct family *f, struct records r) {
    struct data d = prepare(f, r);
    uint64_t needless = 0, n = 0;
    double value[ROWS], limit[ROWS];
    for (uint64_t i = 0; i < ROWS; i++) {
        for (uint64_t k = 0; k < ROWS; k++)
            value[k] = value_of(d.family, &d.records, i, k);
        check_row(&d, i, value, value);
        for (uint64_t j = 0; j < ROWS; j += 17, n += ROWS) {
            for (uint64_t k = 0; k < ROWS; k++)
                limit[k] = value[j];
            needless += check_row(&d, i, limit, value);
        }
    }
    data_free(&d);
    return (double)needless / (double)n;
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
                    check(families[f], draw(widths[w], item, scales[k], scales[k] * shifts[h], &seed));
                }
}

/* Else it would pass the test above by letting everything through. */
static void test_few_pass_needlessly(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (uint64_t width = 16; width <= 300; width += 71)
            assert_true(check(families[f], draw(width, sizeof(double), 1, families[f] == &family_l2 ? 1e4 : 0,
                                                &seed)) < 0.15);
}

/* Whole numbers are what images are rounded to here, by the first two rows; the others lie half between, a
 * little on either side, so that their errors add up along the difference: the bound has nothing to spare. */
static void test_errors_add_up(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (uint64_t width = 1; width <= 400; width += 133) {
            struct records r = draw(width, sizeof(double), 1, 0, &seed);
            for (uint64_t i = 0; i < ROWS * width; i++) {
                uint64_t row = i / width, apart = row % 8 * 10;
                double x = row % 16 < 8 ? 20 + (double)apart + 0.501 : 20 - (double)apart + 0.499;
                set(&r, i, row == 0 ? 126 : row == 1 ? -126 : row % 3 && i % 2 ? -x : x);
            }
            check(families[f], r);
        }
}

/* On a circle errors add up by themselves. */
static void test_near_on_a_circle(void **state) {
    (void)state;
    uint64_t seed = 4;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (int step = 1; step <= 50; step++) {
            struct records r = draw(2, sizeof(double), 1, 0, &seed);
            for (uint64_t i = 0; i < ROWS; i++) {
                double angle = (double)random_below(&seed, 64000) / (i % 2 ? 1e4 : 1e5);
                set(&r, 2 * i, cos(angle));
                set(&r, 2 * i + 1, sin(angle));
            }
            check(families[f], r);
        }
}

/* A few coordinates are so large that little is left of the others. */
static void test_outliers(void **state) {
    (void)state;
    uint64_t seed = 5;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (double size = 10; size < 1e10; size *= 100)
            for (int all = 0; all < 2; all++) { /* one in each row, or in one row */
                struct records r = draw(40, sizeof(double), 1, 0, &seed);
                for (uint64_t i = 0; i < (all ? ROWS : 1); i++)
                    set(&r, i * 40 + i % 40, i % 2 ? size : -size);
                check(families[f], r);
            }
}

static void test_lengths_that_differ_by_far(void **state) {
    (void)state;
    uint64_t seed = 6;
    for (size_t f = 0; f < LENGTH(families); f++)
        check(families[f], draw_far_lengths(&seed));
}

/* So many coordinates that their images must be smaller for sums to fit. */
static void test_many_coordinates(void **state) {
    (void)state;
    enum { WIDTH = 140000 };
    for (size_t f = 0; f < LENGTH(families); f++) {
        struct records r = {
            .n = ROWS, .item = sizeof(float), .width = WIDTH, .data = mem_alloc(ROWS * WIDTH, sizeof(float))};
        for (uint64_t i = 0; i < ROWS * WIDTH; i++) { /* in the corners of the box */
            uint64_t turn = i / WIDTH % 5 * 200;
            ((float *)r.data)[i] = (i % WIDTH < turn) == (i / WIDTH % 2) ? 1 : -1;
        }
        struct data d = prepare(families[f], r);
        assert_true(d.coarse.most > 1 && (double)d.coarse.most * d.coarse.most * WIDTH <= 0x1p28);
        for (uint64_t at = 0; at < ROWS; at += 21) {
            double value[ROWS];
            for (uint64_t k = 0; k < ROWS; k++)
                value[k] = value_of(d.family, &d.records, at, k);
            check_row(&d, at, value, value);
        }
        data_free(&d);
    }
}

/* Rows left out reach nothing, and no limit is no limit. */
static void test_rows_left_out(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (size_t f = 0; f < LENGTH(families); f++) {
        struct records r = draw(9, sizeof(float), 1, 0, &seed);
        ((float *)r.data)[7 * 9] = NAN;
        struct data d = prepare(families[f], r);
        double limit[ROWS];
        for (uint64_t k = 0; k < ROWS; k++)
            limit[k] = families[f]->smaller_is_nearer ? INFINITY : -INFINITY;
        assert_true(passing(&d, 0, limit) == ~((uint64_t)1 << 7));
        assert_true(passing(&d, 7, limit) == 0);
        for (uint64_t k = 0; k < ROWS; k++)
            limit[k] = families[f]->smaller_is_nearer ? 0 : INFINITY;
        assert_true(passing(&d, 7, limit) == 0);
        if (!families[f]->smaller_is_nearer)
            assert_true(passing(&d, 0, limit) == 0);
        data_free(&d);
    }
}

/* All rows alike, or zero: there is no scale. */
static void test_no_extent(void **state) {
    (void)state;
    for (size_t f = 0; f < LENGTH(families); f++)
        for (int one = families[f] == &family_cosine; one < 2; one++) {
            struct records r = {
                .n = ROWS, .item = sizeof(float), .width = 3, .data = mem_zero(ROWS * 3, sizeof(float))};
            for (uint64_t i = 0; i < ROWS * 3; i++)
                ((float *)r.data)[i] = (float)one;
            check(families[f], r);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_pair_is_lost),  cmocka_unit_test(test_few_pass_needlessly),
        cmocka_unit_test(test_errors_add_up),    cmocka_unit_test(test_near_on_a_circle),
        cmocka_unit_test(test_outliers),         cmocka_unit_test(test_lengths_that_differ_by_far),
        cmocka_unit_test(test_many_coordinates), cmocka_unit_test(test_rows_left_out),
        cmocka_unit_test(test_no_extent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
