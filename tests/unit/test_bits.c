/* Sketches of vectors: the bits are those of the hash values, at every SIMD level and in every block of rows,
 * and pairs agree in as many of them as the law says. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/bits.h"
#include "lshjoin/law.h"
#include "lshjoin/vectors.h"

enum { WORDS = 4, POOL = 64 * WORDS };

/* ---- the bits of products */

/* Whole numbers, which bound the buckets of width 1, and what lies next to them; also what has no bucket. */
static float next_product(uint64_t *seed) {
    const float odd[] = {0.0f,   -0.0f,   INFINITY, -INFINITY, NAN,   1e38f,
                         -1e38f, 0x1p62f, 0x1p63f,  -0x1p63f,  1e-45f};
    if (random_below(seed, 10) == 0)
        return odd[random_below(seed, LENGTH(odd))];
    float whole = ldexpf((float)random_below(seed, 4001) - 2000, (int)random_below(seed, 50) - 25);
    const float near[] = {whole, nextafterf(whole, INFINITY), nextafterf(whole, -INFINITY)};
    return near[random_below(seed, LENGTH(near))];
}

static bool is_odd_bucket(float product, double shift, double per_width) {
    double number = floor(((double)product + shift) * per_width);
    return fmod(fabs(number), 2) == 1; /* never so of what is infinite or no number */
}

static void test_levels_agree(void **state) {
    (void)state;
    float product[POOL];
    double shift[POOL];
    uint64_t seed = 1, sign[WORDS], bucket[WORDS];
    for (int trial = 0; trial < 3000; trial++) {
        double width = trial % 3 ? ldexp(1 + (double)random_below(&seed, 1000) / 1000, trial % 41 - 20) : 1;
        for (int k = 0; k < POOL; k++) {
            product[k] = next_product(&seed);
            shift[k] = random_below(&seed, 3) ? width * (double)random_below(&seed, 1000) / 1000 : 0;
            product[k] = isnan(product[k]) && trial % 2 ? 0 : product[k];
        }
        for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++) {
            bits_of_signs((enum simd)level, product, WORDS, sign);
            bits_of_buckets((enum simd)level, product, shift, 1 / width, WORDS, bucket);
            for (int k = 0; k < POOL; k++) {
                assert_int_equal(sign[k / 64] >> k % 64 & 1, product[k] >= 0);
                if (!isnan(product[k])) /* such a row has no sketch */
                    assert_int_equal(bucket[k / 64] >> k % 64 & 1,
                                     is_odd_bucket(product[k], shift[k], 1 / width));
            }
        }
    }
}

/* ---- sketches of records */

enum { ROWS = 70, WIDTH = 37 };

static void draw(float *x, uint64_t n, uint64_t *seed) {
    for (uint64_t i = 0; i < n; i++)
        x[i] = (float)random_below(seed, 2001) / 1000 - 1;
}

static void *signer_of(const struct family *family, const struct records *r, uint64_t seed) {
    struct drawing d = {
        .pool = POOL, .bands = POOL / 16, .rows = 16, .symbol_bits = 1, .seed = seed, .width = 2.5};
    assert_int_equal(family->symbol_bits, 1);
    return family->create(&d, r);
}

static void check_bits(const struct family *family, const uint64_t *sketch, const uint32_t *words) {
    for (int k = 0; k < POOL; k++) {
        uint32_t bit = family == &family_l2 ? words[k] & 1 : words[k / 16] >> k % 16 & 1;
        assert_int_equal(sketch[k / 64] >> k % 64 & 1, bit);
    }
}

/* Bit k is hash value k, or the lowest bit of it. */
static void check_hash_values(const struct family *family, const struct records *r) {
    void *signer = signer_of(family, r, 3);
    static uint64_t sketch[ROWS][WORDS];
    static uint32_t words[ROWS * POOL];
    bool pairs[ROWS], signed_pairs[ROWS];
    uint32_t each = POOL / 16 * family->words(16);
    family->sketch(signer, r, 0, ROWS, sketch[0], pairs);
    family->sign(signer, r, 0, ROWS, 0, words, signed_pairs);
    for (uint64_t row = 0; row < ROWS; row++) {
        assert_int_equal(pairs[row], row != 5 && row != 64); /* those left out */
        assert_int_equal(signed_pairs[row], pairs[row]);
        if (pairs[row])
            check_bits(family, sketch[row], words + row * each);
        for (int w = 0; w < WORDS && !pairs[row]; w++)
            assert_true(sketch[row][w] == 0);
    }
    family->destroy(signer);
}

/* The same sketches, at every level and in blocks of every size. */
static void check_levels(const struct family *family, const struct records *r) {
    struct vector_signer *signer = signer_of(family, r, 3);
    static uint64_t whole[ROWS][WORDS], part[ROWS][WORDS];
    bool pairs[ROWS], part_pairs[ROWS];
    family->sketch(signer, r, 0, ROWS, whole[0], pairs);
    for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++)
        for (uint64_t block = 1; block <= ROWS; block = block * 3 / 2 + 1) {
            signer->project.simd = (enum simd)level;
            memset(part, 0xff, sizeof part);
            for (uint64_t lo = 0; lo < ROWS; lo += block)
                family->sketch(signer, r, lo, min_u64(lo + block, ROWS), part[lo], part_pairs + lo);
            assert_memory_equal(part, whole, sizeof whole);
            assert_memory_equal(part_pairs, pairs, sizeof pairs);
        }
    family->destroy(signer);
}

/* Sketches of doubles are those of the floats nearest to them. */
static void check_wide(const struct family *family, const struct records *r) {
    static double wide[ROWS * WIDTH];
    static uint64_t sketch[2][ROWS][WORDS];
    bool pairs[2][ROWS];
    const float *x = r->data;
    for (int i = 0; i < ROWS * WIDTH; i++)
        wide[i] = (double)x[i] * (1 + 1e-9);
    struct records w = {.n = ROWS, .item = sizeof *wide, .width = WIDTH, .data = wide};
    void *signer = signer_of(family, r, 3);
    family->sketch(signer, r, 0, ROWS, sketch[0][0], pairs[0]);
    family->sketch(signer, &w, 0, ROWS, sketch[1][0], pairs[1]);
    assert_memory_equal(sketch[0], sketch[1], sizeof sketch[0]);
    assert_memory_equal(pairs[0], pairs[1], sizeof pairs[0]);
    family->destroy(signer);
}

static void test_sketches(void **state) {
    (void)state;
    static float x[ROWS * WIDTH];
    uint64_t seed = 2;
    draw(x, LENGTH(x), &seed);
    x[5 * WIDTH] = x[64 * WIDTH] = NAN; /* rows left out */
    memset(x + 7 * WIDTH, 0, WIDTH * sizeof *x);
    struct records r = {.n = ROWS, .item = sizeof *x, .width = WIDTH, .data = x};
    const struct family *const families[] = {&family_cosine, &family_l2};
    for (size_t f = 0; f < LENGTH(families); f++) {
        check_hash_values(families[f], &r);
        check_levels(families[f], &r);
        check_wide(families[f], &r);
    }
    assert_int_equal(family_ip.symbol_bits, 0);
}

/* ---- the law */

static double parity_law(double c) {
    struct drawing d = {.width = 1, .symbol_bits = 1};
    return family_l2.agreement(c, &d);
}

/* The series as it stands, to its last term that is not nothing. */
static void test_parity_law(void **state) {
    (void)state;
    const long double pi = 3.14159265358979323846L;
    for (double c = 1e-5; c < 10; c *= 1.1) {
        long double sum = 0, term = 1;
        for (int k = 1; term > 1e-20L; k += 2)
            sum += term = expl(-(pi * k * c) * (pi * k * c) / 2) / ((long double)k * k);
        assert_true(fabsl(0.5L + 4 / (pi * pi) * sum - parity_law(c)) < 2e-9L);
    }
    assert_true(parity_law(0) == 1 && parity_law(1e-300) <= 1 && parity_law(1e300) == 0.5);
}

static void test_parity_law_falls(void **state) {
    (void)state;
    double last = 1;
    for (double c = 1e-12; c < 100; c *= 1.0005) {
        assert_true(parity_law(c) <= last);
        last = parity_law(c);
    }
    for (double c = 0.1249; c < 0.1251; c += 1e-9) /* where one formula follows the other */
        assert_true(parity_law(c + 1e-9) <= parity_law(c) && parity_law(c) - parity_law(c + 1e-9) < 3e-9);
}

/* Buckets' law is as it was, and so is that of signs. */
static void test_symbols_of_one_bit_only(void **state) {
    (void)state;
    struct drawing buckets = {.width = 4}, bits = {.width = 4, .symbol_bits = 1};
    assert_true(fabs(family_l2.agreement(1, &buckets) - 0.8005324) < 1e-6);
    assert_true(family_l2.agreement(1, &bits) > family_l2.agreement(1, &buckets));
    for (double s = -1; s <= 1; s += 0.125)
        assert_true(family_cosine.agreement(s, &bits) == family_cosine.agreement(s, &buckets));
}

/* ---- chance
 * All is drawn from fixed seeds, so that this passes always or never; each statement was to hold within 4.5
 * standard deviations before the first number was drawn. The directions are what is random: a pair stands,
 * and is sketched by those of many seeds. */

enum { KINDS = 3, VALUES = 6, SKETCHES = 2000, COORDINATES = 24 };

static const double value_of[2][VALUES] = {{0.99, 0.9, 0.5, 0, -0.5, -1}, {0, 0.1, 0.3, 0.6, 1, 3}};
static const double bucket_width = 2.5;

/* Of kinds 0 dense, 1 sparse, 2 dense but for three coordinates 50 times the rest. */
static void draw_kind(double *x, int kind, struct random *r) {
    for (int i = 0; i < COORDINATES; i++)
        x[i] = random_normal(r) * (kind == 2 && i % 8 == 3 ? 50 : 1) * (kind != 1 || i % 8 == 3);
}

static double dot(const double *x, const double *y) {
    double sum = 0;
    for (int i = 0; i < COORDINATES; i++)
        sum += x[i] * y[i];
    return sum;
}

/* y at that cosine or distance (in widths) from x, towards z. */
static void place(bool is_l2, double value, const double *x, const double *z, double *y) {
    double along = is_l2 ? 1 : value / sqrt(dot(x, x)), aside[COORDINATES];
    for (int i = 0; i < COORDINATES; i++)
        aside[i] = z[i] - (is_l2 ? 0 : dot(x, z) / dot(x, x) * x[i]);
    double step = (is_l2 ? value * bucket_width : sqrt(1 - value * value)) / sqrt(dot(aside, aside));
    for (int i = 0; i < COORDINATES; i++)
        y[i] = along * x[i] + step * aside[i];
}

/* count[f] of SKETCHES agree in f bits: their sum, and the whole distribution in cells of 10 or more. */
static void check_counts(const char *what, const uint32_t *count, double p) {
    double pmf[POOL + 1], sum = 0, chi = 0, cells = 0, got = 0, expected = 0, left = SKETCHES;
    law_agreeing(POOL, p, pmf);
    for (int f = 0; f <= POOL; f++) {
        sum += count[f] * (double)f;
        got += count[f];
        expected += pmf[f] * SKETCHES;
        left -= pmf[f] * SKETCHES;
        if ((expected >= 10 && left >= 10) || f == POOL) {
            chi += (got - expected) * (got - expected) / expected;
            cells++;
            got = expected = 0;
        }
    }
    double mean = (double)SKETCHES * POOL * p, deviation = sqrt(mean * (1 - p));
    if (!(fabs(sum - mean) <= 4.5 * deviation + 1e-3))
        fail_msg("%s: %.0f bits agree, not %.0f +- %.0f", what, sum, mean, 4.5 * deviation);
    if (p < 1 && !(fabs(chi - (cells - 1)) <= 4.5 * sqrt(2 * (cells - 1))))
        fail_msg("%s: chi-square %.1f of %.0f cells", what, chi, cells);
}

static void check_law(const struct family *family) {
    bool is_l2 = family == &family_l2;
    static double x[KINDS * VALUES][2][COORDINATES];
    static uint32_t count[KINDS * VALUES][POOL + 1];
    memset(count, 0, sizeof count);
    struct random random = {4};
    for (int i = 0; i < KINDS * VALUES; i++) {
        double towards[COORDINATES];
        draw_kind(x[i][0], i / VALUES, &random);
        draw_kind(towards, i / VALUES, &random);
        place(is_l2, value_of[is_l2][i % VALUES], x[i][0], towards, x[i][1]);
    }
    const struct records r = {
        .n = 2 * KINDS * VALUES, .item = sizeof(double), .width = COORDINATES, .data = x};
    struct drawing d = {.pool = POOL, .bands = 1, .rows = 1, .symbol_bits = 1, .width = bucket_width};
    for (d.seed = 0; d.seed < SKETCHES; d.seed++) {
        uint64_t sketch[KINDS * VALUES][2][WORDS];
        bool pairs[2 * KINDS * VALUES];
        void *signer = family->create(&d, &r);
        family->sketch(signer, &r, 0, r.n, sketch[0][0], pairs);
        family->destroy(signer);
        for (int i = 0; i < KINDS * VALUES; i++) {
            int differ = 0;
            for (int w = 0; w < WORDS; w++)
                differ += __builtin_popcountll(sketch[i][0][w] ^ sketch[i][1][w]);
            count[i][POOL - differ]++;
        }
    }
    for (int i = 0; i < KINDS * VALUES; i++) {
        double value = value_of[is_l2][i % VALUES];
        char what[64];
        snprintf(what, sizeof what, "%s %g, kind %d", family->metric, value, i / VALUES);
        check_counts(what, count[i], family->agreement(is_l2 ? value * bucket_width : value, &d));
    }
}

static void test_cosine_agrees(void **state) {
    (void)state;
    check_law(&family_cosine);
}

static void test_l2_agrees(void **state) {
    (void)state;
    check_law(&family_l2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_agree),
        cmocka_unit_test(test_sketches),
        cmocka_unit_test(test_parity_law),
        cmocka_unit_test(test_parity_law_falls),
        cmocka_unit_test(test_symbols_of_one_bit_only),
        cmocka_unit_test(test_cosine_agrees),
        cmocka_unit_test(test_l2_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
