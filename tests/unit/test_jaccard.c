/* Thresholds as fractions, intersections, and the exact comparison of the two. */
#include "unit.h"

#include <string.h>

#include "lshjoin/jaccard.h"

static void test_fractions(void **state) {
    (void)state;
    const struct {
        const char *text;
        struct fraction f;
    } cases[] = {
        {"0.8", {4, 5}},
        {".75", {3, 4}},
        {"1", {1, 1}},
        {"1.0", {1, 1}},
        {"1.", {1, 1}},
        {"00.50", {1, 2}},
        {"0", {0, 1}},
        {"0.000", {0, 1}},
        {"2.5", {5, 2}},
        {"0.333333333", {333333333, 1000000000}},
        {"0.000000001", {1, 1000000000}},
        {"0.999999999", {999999999, 1000000000}},
        {"0.123456780", {6172839, 50000000}},
        {"123456789.125000000", {987654313, 8}},
    };
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct fraction f;
        if (!fraction_parse(cases[i].text, &f))
            fail_msg("'%s' is refused", cases[i].text);
        assert_int_equal(f.p, cases[i].f.p);
        assert_int_equal(f.q, cases[i].f.q);
    }
}

static void test_no_fractions(void **state) {
    (void)state;
    const char *const texts[] = {
        "",
        ".",
        "..",
        "-0.5",
        "+0.5",
        " 0.5",
        "0.5 ",
        "0,5",
        "0.5.",
        "1.2.3",
        "1e-1",
        "4/5",
        "0x1",
        "nan",
        "inf",
        "80%",
        "a",
        "0.8a",
        "\n",
        "0.5\n",
        "0.1234567891",
        "0.0000000000",
        "\xb2.5",
        "12345678901234567890",
        "18446744073709551616.5",
    };
    for (size_t i = 0; i < LENGTH(texts); i++) {
        struct fraction f;
        if (fraction_parse(texts[i], &f))
            fail_msg("'%s' is taken", texts[i]);
    }
}

/* Two sets in both widths. */
struct sets {
    uint64_t na, nb, both;
    uint32_t a4[300], b4[300];
    uint64_t a8[300], b8[300];
};

/* Random sets over a universe of `universe` elements, each element in a (in b) with chance pa (pb) in 100.
 * Wide elements differ from the narrow ones in their high halves too. */
static void draw(struct sets *s, uint64_t universe, uint64_t pa, uint64_t pb, uint64_t *seed) {
    memset(s, 0, sizeof *s);
    for (uint64_t x = 0; x < universe; x++) {
        bool in_a = random_below(seed, 100) < pa, in_b = random_below(seed, 100) < pb;
        uint32_t narrow = (uint32_t)(x * 14000000 + 5); /* up to the top of 32 bits */
        uint64_t wide = x << 55 | x % 2;                /* up to the top of 64 bits, low halves alike */
        if (in_a) {
            s->a4[s->na] = narrow;
            s->a8[s->na++] = wide;
        }
        if (in_b) {
            s->b4[s->nb] = narrow;
            s->b8[s->nb++] = wide;
        }
        s->both += in_a && in_b;
    }
}

typedef void check_fn(const struct sets *s);

/* Sizes around and far from each other, overlaps from nothing to everything. */
static void for_random_sets(check_fn *check) {
    const uint64_t percent[] = {0, 3, 10, 50, 90, 97, 100}, universe[] = {1, 2, 7, 16, 17, 33, 48, 100, 300};
    uint64_t seed = 1;
    static struct sets s;
    for (size_t u = 0; u < LENGTH(universe); u++)
        for (size_t i = 0; i < LENGTH(percent); i++)
            for (size_t k = 0; k < LENGTH(percent); k++)
                for (int again = 0; again < 4; again++) {
                    draw(&s, universe[u], percent[i], percent[k], &seed);
                    check(&s);
                }
}

/* Exact where `least` is reached, below it where not. */
static void check_intersection(const struct sets *s) {
    for (uint64_t least = 0; least <= s->both + 40; least++)
        for (size_t width = 4; width <= 8; width += 4) {
            const void *a = width == 4 ? (const void *)s->a4 : s->a8,
                       *b = width == 4 ? (const void *)s->b4 : s->b8;
            uint64_t got = set_intersection(a, s->na, b, s->nb, width, least);
            uint64_t back = set_intersection(b, s->nb, a, s->na, width, least);
            if (s->both >= least ? got != s->both || back != s->both : got >= least || back >= least)
                fail_msg("%d and %d elements of %d bytes, %d common, at least %d: said %d and %d", (int)s->na,
                         (int)s->nb, (int)width, (int)s->both, (int)least, (int)got, (int)back);
        }
}

static void test_intersections(void **state) {
    (void)state;
    for_random_sets(check_intersection);
}

static void check_threshold(const struct sets *s, struct fraction t) {
    uint64_t all = s->na + s->nb - s->both;
    bool expected = s->both * t.q >= t.p * all;
    for (size_t width = 4; width <= 8; width += 4) {
        double value = -1;
        bool got = width == 4 ? jaccard_at_least(t, s->a4, s->na, s->b4, s->nb, 4, &value)
                              : jaccard_at_least(t, s->a8, s->na, s->b8, s->nb, 8, &value);
        if (got != expected)
            fail_msg("J = %d/%d >= %llu/%llu: said %d", (int)s->both, (int)all, (unsigned long long)t.p,
                     (unsigned long long)t.q, got);
        if (got && value != (double)s->both / (double)all)
            fail_msg("J = %d/%d is given as %.17g", (int)s->both, (int)all, value);
    }
}

/* Thresholds far from J, at J, and next to it on both sides. */
static void check_thresholds(const struct sets *s) {
    uint64_t all = s->na + s->nb - s->both, large = 1000000;
    if (all == 0)
        return;
    const struct fraction t[] = {{1, 1000000000},         {1, 10}, {1, 2}, {4, 5}, {333333333, 1000000000},
                                 {999999999, 1000000000}, {1, 1}};
    for (size_t i = 0; i < LENGTH(t); i++)
        check_threshold(s, t[i]);
    check_threshold(s, (struct fraction){s->both, all});
    check_threshold(s, (struct fraction){s->both * large + 1, all * large});
    if (s->both > 0)
        check_threshold(s, (struct fraction){s->both * large - 1, all * large});
}

static void test_thresholds(void **state) {
    (void)state;
    for_random_sets(check_thresholds);
}

static bool at_least(const char *threshold, uint64_t na, uint64_t nb, uint64_t both) {
    static uint64_t a[1000], b[1000];
    for (uint64_t i = 0; i < na; i++)
        a[i] = i;
    for (uint64_t i = 0; i < nb; i++)
        b[i] = na - both + i;
    struct fraction t;
    double value = -1;
    assert_true(fraction_parse(threshold, &t));
    bool got = jaccard_at_least(t, a, na, b, nb, 8, &value);
    if (got)
        assert_true(value == (double)both / (double)(na + nb - both));
    return got;
}

static void test_exact_hits(void **state) {
    (void)state;
    assert_true(at_least("0.8", 4, 5, 4));
    assert_true(at_least("0.8", 9, 9, 8));
    assert_true(at_least("0.8", 450, 450, 400));
    assert_false(at_least("0.800000001", 450, 450, 400));
    assert_true(at_least("0.799999999", 450, 450, 400));
    assert_false(at_least("0.8", 450, 450, 399));
    assert_true(at_least("0.333333333", 2, 2, 1));
    assert_false(at_least("0.333333334", 2, 2, 1));
    assert_true(at_least("0.1", 1, 10, 1));
    assert_true(at_least("0.7", 7, 10, 7));
    assert_true(at_least("0.29", 29, 100, 29));
    assert_true(at_least("1", 5, 5, 5));
    assert_false(at_least("1", 5, 6, 5));
    assert_false(at_least("0.000000001", 5, 6, 0));
    assert_false(at_least("0.000000001", 5, 0, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fractions),     cmocka_unit_test(test_no_fractions),
        cmocka_unit_test(test_intersections), cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_exact_hits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
