/* Lanes: the same at every SIMD level, and the law of sketches of sets, of which the whole
 * distribution of agreeing symbols is tested and not only its mean. */
#include "agreement.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/family.h"
#include "lshjoin/lanes.h"

enum { SYMBOLS = 64, WORDS = 8 };

static uint64_t element(int kind, uint64_t i, uint64_t seed) {
    switch (kind) {
    case 0: /* consecutive */
        return i + seed % 1000;
    case 1: /* multiples */
        return i * 4096;
    case 2: /* any of 32 bits */
        return (uint32_t)mix64(seed * 1000003 + i);
    default: /* of 64 */
        return mix64(seed * 1000003 + i);
    }
}

static void test_levels_and_widths(void **state) {
    (void)state;
    for (uint64_t n = 1; n <= 5000; n += n < 300 ? 1 : 1171)
        for (uint64_t most = 1; most < 3000; most += 2000) { /* lanes of 16 bits, then of 32 */
            uint32_t narrow[5000];
            uint64_t wide[5000], first[WORDS], words[WORDS];
            for (uint64_t i = 0; i < n; i++)
                narrow[i] = (uint32_t)(wide[n - 1 - i] = element(2, i, n)); /* and in another order */
            for (enum simd simd = SIMD_SCALAR; simd <= cpu_simd(); simd++) {
                struct lanes l = lanes_create(SYMBOLS, most, 7, simd);
                lanes_sketch(&l, narrow, sizeof *narrow, n, simd ? words : first);
                if (simd)
                    assert_memory_equal(words, first, sizeof words);
                lanes_sketch(&l, wide, sizeof *wide, n, words);
                assert_memory_equal(words, first, sizeof words);
                lanes_free(&l);
            }
        }
}

/* A record of n elements from the i-th on, in rows of the family's. */
static struct records two_sets(int kind, uint64_t seed, uint64_t only_a, uint64_t both, uint64_t only_b) {
    struct records r = {.n = 2, .item = sizeof(uint64_t)};
    uint64_t n = only_a + both + only_b, *x = mem_alloc(n + both, sizeof *x);
    r.offset = mem_zero(3, sizeof *r.offset);
    r.offset[1] = only_a + both;
    r.offset[2] = n + both;
    for (uint64_t i = 0; i < only_a + both; i++)
        x[i] = element(kind, i, seed);
    for (uint64_t i = 0; i < both + only_b; i++)
        x[only_a + both + i] = element(kind, only_a + i, seed);
    r.data = x;
    return r;
}

static uint32_t agreeing(const struct records *r, uint64_t most_items, uint64_t seed) {
    const struct drawing d = {
        .bands = 1, .rows = 1, .pool = SYMBOLS, .symbol_bits = 8, .seed = seed, .most_items = most_items};
    uint64_t words[2 * WORDS];
    bool pairs[2];
    void *signer = family_jaccard.create(&d, r);
    family_jaccard.sketch(signer, r, 0, 2, words, pairs);
    family_jaccard.destroy(signer);
    assert_true(pairs[0] && pairs[1]);
    uint32_t n = 0;
    for (int k = 0; k < SYMBOLS; k++)
        n += (words[k / 8] ^ words[WORDS + k / 8]) >> k % 8 * 8 << 56 == 0;
    return n;
}

/* The chance that different least values look alike, for n elements of a set's own. */
static double chance(double n, double values) {
    double l = n / values;
    return l / 2 / tanh(128 * l);
}

struct shape {
    uint64_t only_a, both, only_b;
    uint32_t draws;
};

static void check(const struct shape *s, uint64_t most_items, double values) {
    for (int kind = 0; kind < 4; kind++) {
        uint32_t count[SYMBOLS + 1] = {0};
        for (uint32_t draw = 0; draw < s->draws; draw++) {
            struct records r = two_sets(kind, draw, s->only_a, s->both, s->only_b);
            count[agreeing(&r, most_items, draw * 4 + (uint64_t)kind)]++;
            records_free(&r);
        }
        double n = (double)(s->only_a + s->both + s->only_b), similarity = (double)s->both / n;
        double alike = chance((double)(s->only_a + s->both), values) / 2 +
                       chance((double)(s->only_b + s->both), values) / 2;
        double p = similarity + (1 - similarity) * alike,
               far = agreement_distance(count, SYMBOLS, s->draws, p);
        double symbols = (double)s->draws * SYMBOLS, sum = -symbols * p,
               deviation = sqrt(symbols * p * (1 - p));
        for (int f = 0; f <= SYMBOLS; f++)
            sum += (double)f * count[f];
        if (fabs(far) > 4.5 || fabs(sum) > 4.5 * deviation)
            fail_msg("%llu + %llu + %llu elements of kind %d: %.1f standard deviations from the law, its "
                     "mean %.1f",
                     (unsigned long long)s->only_a, (unsigned long long)s->both,
                     (unsigned long long)s->only_b, kind, far, sum / deviation);
    }
}

static void test_law_of_lanes(void **state) {
    (void)state;
    const struct shape shapes[] = {{0, 1, 1, 4000},     {1, 0, 1, 4000},    {1, 1, 1, 4000},
                                   {0, 2, 1, 4000},     {2, 1, 1, 4000},    {1, 3, 2, 4000},
                                   {0, 1, 9, 4000},     {3, 20, 7, 4000},   {10, 80, 10, 4000},
                                   {50, 25, 25, 4000},  {0, 30, 270, 4000}, {300, 400, 300, 1000},
                                   {800, 200, 800, 500}};
    for (size_t i = 0; i < LENGTH(shapes); i++)
        check(&shapes[i], LANES_MOST_OF_16_BITS, 0x1p16);
}

static void test_law_of_long_sets(void **state) {
    (void)state;
    const struct shape shapes[] = {
        {1, 1, 1, 4000},         {0, 1, 1, 4000},           {3, 20, 7, 4000},
        {0, 1, 9, 4000},         {2, 1, 1, 4000},           {100, 800, 100, 1000},
        {2000, 6000, 2000, 300}, {10000, 80000, 10000, 50}, {100000, 800000, 100000, 3}};
    for (size_t i = 0; i < LENGTH(shapes); i++)
        check(&shapes[i], LANES_MOST_OF_16_BITS + 1, 0x1p32);
}

static void test_empty_and_repeats(void **state) {
    (void)state;
    uint64_t offset[] = {0, 0, 3, 9}, x[] = {5, 9, 2, 9, 9, 2, 5, 2, 5}, words[3 * WORDS];
    const struct records r = {.n = 3, .item = sizeof *x, .offset = offset, .data = x};
    for (uint64_t most = 3; most < 3000; most += 2000) {
        const struct drawing d = {
            .bands = 1, .rows = 1, .pool = SYMBOLS, .symbol_bits = 8, .most_items = most};
        void *signer = family_jaccard.create(&d, &r);
        bool pairs[3];
        family_jaccard.sketch(signer, &r, 0, 3, words, pairs);
        family_jaccard.destroy(signer);
        assert_false(pairs[0]);
        assert_true(pairs[1] && pairs[2]);
        for (int k = 0; k < WORDS; k++)
            assert_int_equal(words[k], 0);
        assert_memory_equal(words + WORDS, words + 2 * WORDS, WORDS * sizeof *words);
    }
}

static int compare_sketches(const void *a, const void *b) {
    return memcmp(a, b, WORDS * sizeof(uint64_t));
}

/* So many elements that some share a half of 16 bits, and so half of their symbols: not all. */
static void test_elements_are_told_apart(void **state) {
    (void)state;
    enum { ELEMENTS = 5000 };
    static uint64_t words[ELEMENTS][WORDS];
    for (uint64_t most = 1; most < 3000; most += 2000) {
        struct lanes l = lanes_create(SYMBOLS, most, 3, cpu_simd());
        for (uint64_t x = 0; x < ELEMENTS; x++)
            lanes_sketch(&l, &x, sizeof x, 1, words[x]);
        qsort(words, ELEMENTS, sizeof *words, compare_sketches);
        for (int i = 1; i < ELEMENTS; i++)
            assert_memory_not_equal(words[i], words[i - 1], sizeof *words);
        lanes_free(&l);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_levels_and_widths),       cmocka_unit_test(test_law_of_lanes),
        cmocka_unit_test(test_law_of_long_sets),        cmocka_unit_test(test_empty_and_repeats),
        cmocka_unit_test(test_elements_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
