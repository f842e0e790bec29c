/* Thresholds as fractions, intersections, and the exact comparison of the two, by merging and by pivots. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/containment.h"
#include "lshjoin/jaccard.h"
#include "lshjoin/pivot.h"

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

/* Whatever set is the pivot, and at every SIMD level. */
static void check_pivot(struct fraction t, const void *a, uint64_t na, const void *b, uint64_t nb,
                        size_t width) {
    double right = -1, value = -1;
    bool expected = jaccard_at_least(t, a, na, b, nb, width, &right);
    for (int simd = SIMD_SCALAR; simd <= (int)cpu_simd(); simd++) {
        struct pivot p = pivot_create(a, na, width, (enum simd)simd);
        bool got = pivot_at_least(t, &p, b, nb, &value);
        if (got != expected || (got && value != right))
            fail_msg("pivot of %d and %d elements of %d bytes, %s: said %d, %.17g", (int)na, (int)nb,
                     (int)width, cpu_simd_name((enum simd)simd), got, value);
        pivot_free(&p);
    }
}

static void check_threshold(const struct sets *s, struct fraction t) {
    uint64_t all = s->na + s->nb - s->both;
    bool expected = s->both * t.q >= t.p * all;
    check_pivot(t, s->a4, s->na, s->b4, s->nb, 4);
    check_pivot(t, s->a8, s->na, s->b8, s->nb, 8);
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

static void check_containment(const struct sets *s, struct fraction t) {
    double narrow = -1, wide = -1, right = (double)s->both / (double)s->na;
    bool expected = s->both * t.q >= t.p * s->na;
    assert_true(containment_at_least(t, s->a4, s->na, s->b4, s->nb, 4, &narrow) == expected);
    assert_true(containment_at_least(t, s->a8, s->na, s->b8, s->nb, 8, &wide) == expected);
    assert_true(!expected || (narrow == right && wide == right));
    assert_true((s->both >= containment_least(t, s->na)) == expected);
}

/* The same of one set in the other. */
static void check_contained(const struct sets *s) {
    const struct fraction t[] = {{0, 1}, {1, 1000000000}, {1, 3}, {4, 5}, {999999999, 1000000000}, {1, 1}};
    uint64_t large = 1000000;
    if (s->na == 0)
        return;
    for (size_t i = 0; i < LENGTH(t); i++)
        check_containment(s, t[i]);
    check_containment(s, (struct fraction){s->both, s->na});
    check_containment(s, (struct fraction){s->both * large + 1, s->na * large});
    if (s->both > 0)
        check_containment(s, (struct fraction){s->both * large - 1, s->na * large});
}

static void test_containment(void **state) {
    (void)state;
    for_random_sets(check_contained);
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

/* Sets of n that share `both`: elements k * step, which clash where steps are powers of two. */
static void check_steps(uint64_t n, uint64_t both, uint64_t step, size_t width) {
    uint64_t all = 2 * n - both;
    uint64_t *a8 = mem_alloc(n, sizeof *a8), *b8 = mem_alloc(n, sizeof *b8);
    uint32_t *a4 = mem_alloc(n, sizeof *a4), *b4 = mem_alloc(n, sizeof *b4);
    for (uint64_t k = 0; k < n; k++) {
        a8[k] = k * step;
        b8[k] = (n - both + k) * step;
        a4[k] = (uint32_t)a8[k];
        b4[k] = (uint32_t)b8[k];
    }
    const struct fraction t[] = {{both, all}, {both * 1000 + 1, all * 1000}, {both * 1000, all * 1000 + 1}};
    for (size_t k = 0; k < LENGTH(t); k++)
        check_pivot(t[k], width == 4 ? (const void *)a4 : a8, n, width == 4 ? (const void *)b4 : b8, n,
                    width);
    free(a8);
    free(b8);
    free(a4);
    free(b4);
}

/* Sizes up to and beyond those that get a table; elements that hash well and badly. */
static void test_pivots(void **state) {
    (void)state;
    const uint64_t size[] = {1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000, 100000};
    for (size_t k = 0; k < LENGTH(size); k++)
        for (uint64_t part = 0; part <= 10; part++) {
            uint64_t n = size[k], both = n * part / 10;
            for (int bits = 0; (2 * n) << bits < (uint64_t)1 << 32; bits += 3)
                check_steps(n, both, (uint64_t)1 << bits, 4);
            for (int bits = 0; bits < 40; bits += 5)
                check_steps(n, both, (uint64_t)1 << bits, 8);
        }
}

static int compare_u32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The multiplier of the hash undone, all elements hash to few places: some clash, then too many for a table.
 */
static void test_clashes(void **state) {
    (void)state;
    enum { N = 200 };
    uint32_t inverse = 1, a[N], b[N];
    for (int k = 0; k < 5; k++) /* Newton's */
        inverse *= 2 - 0x9e3779b1u * inverse;
    for (uint32_t clashing = 0; clashing < N; clashing += 9) {
        for (uint32_t k = 0; k < N; k++) /* hashes k, or spread */
            a[k] = inverse * (k < clashing ? k : k * (UINT32_MAX / N));
        qsort(a, N, sizeof *a, compare_u32);
        struct pivot p = pivot_create(a, N, 4, cpu_simd());
        if (clashing <= 18)
            assert_true(p.slot && p.n_clashing + 2 >= clashing);
        if (clashing >= 45)
            assert_true(!p.slot);
        pivot_free(&p);
        for (uint32_t skip = 1; skip < 20; skip++) {
            uint64_t nb = 0, all = N;
            for (uint32_t k = 0; k < N; k++)
                if (k % skip || skip == 1)
                    b[nb++] = a[k];
            check_pivot((struct fraction){nb, all}, a, N, b, nb, 4);
            check_pivot((struct fraction){nb, all}, b, nb, a, N, 4);
            check_pivot((struct fraction){nb * 1000 + 1, all * 1000}, a, N, b, nb, 4);
            check_pivot((struct fraction){1, 1000000000}, a + N / 2, N / 2, b, nb, 4);
        }
    }
}

static void test_empty_pivots(void **state) {
    (void)state;
    const uint32_t a[] = {0, 1, UINT32_MAX};
    for (uint64_t p = 0; p <= 1; p++)
        for (uint64_t n = 1; n <= 3; n++) {
            check_pivot((struct fraction){p, 1}, a, 0, a, n, 4);
            check_pivot((struct fraction){p, 1}, a, n, a, 0, 4);
            check_pivot((struct fraction){p, 1}, a, n, a, n, 4);
            check_pivot((struct fraction){p, 1}, a, n, a + 3 - n, n, 4);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fractions),     cmocka_unit_test(test_no_fractions),
        cmocka_unit_test(test_intersections), cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_containment),   cmocka_unit_test(test_exact_hits),
        cmocka_unit_test(test_pivots),        cmocka_unit_test(test_clashes),
        cmocka_unit_test(test_empty_pivots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
