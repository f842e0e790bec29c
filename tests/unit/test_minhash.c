/* MinHash: exact properties of the signer, and the one statistical promise, that two sets agree in a symbol
 * with probability J, independently from function to function. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/minhash.h"

enum { MOST_N = 600, MOST_M = 200, ROOM = 256, GUARD = 64 };

static void fill_random(uint64_t *x, uint64_t n, uint64_t seed) {
    for (uint64_t i = 0; i < n; i++)
        x[i] = random_next(&seed);
}

/* Symbols by a fresh signer; asserts that nothing behind m rounded up to 64 is touched. */
static void sign_at(enum simd simd, uint32_t m, uint64_t seed, const void *x, size_t width, uint64_t n,
                    uint32_t *symbols) {
    uint32_t padded = (m + 63) / 64 * 64;
    for (uint32_t k = padded; k < padded + GUARD; k++)
        symbols[k] = 0x12345678;
    struct minhash h = minhash_create(m, seed, simd);
    minhash_sign(&h, x, width, n, symbols);
    minhash_free(&h);
    for (uint32_t k = padded; k < padded + GUARD; k++)
        if (symbols[k] != 0x12345678)
            fail_msg("m = %u: wrote behind the symbols", m);
}

static void sign(uint32_t m, uint64_t seed, const uint64_t *x, uint64_t n, uint32_t *symbols) {
    sign_at(SIMD_SCALAR, m, seed, x, sizeof *x, n, symbols);
}

static int compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Whether a difference from the mean is within 5 sigma. */
static bool within(double difference, double variance) {
    return difference * difference <= 25 * variance;
}

static void check_levels(const uint64_t *x, uint64_t n, uint32_t m) {
    uint32_t scalar[ROOM + GUARD], fast[ROOM + GUARD];
    sign_at(SIMD_SCALAR, m, 5, x, 8, n, scalar);
    for (enum simd level = SIMD_SCALAR + 1; level <= cpu_simd(); level++) {
        sign_at(level, m, 5, x, 8, n, fast);
        if (memcmp(scalar, fast, m * sizeof *fast))
            fail_msg("%s is not scalar at n = %d, m = %u", cpu_simd_name(level), (int)n, m);
    }
}

static void test_simd_levels_agree(void **state) {
    (void)state;
    uint64_t x[MOST_N];
    const uint64_t some_n[] = {1, 2, 3, 4, 5, 8, 255, 256, 257, 513, MOST_N};
    const uint32_t some_m[] = {1, 63, 64, 65, 128, MOST_M};
    fill_random(x, MOST_N, 1);
    for (uint32_t m = 1; m <= MOST_M; m++)
        for (size_t i = 0; i < LENGTH(some_n); i++)
            check_levels(x, some_n[i], m);
    for (uint64_t n = 1; n <= MOST_N; n++)
        for (size_t i = 0; i < LENGTH(some_m); i++)
            check_levels(x, n, some_m[i]);
}

static void test_widths_agree(void **state) {
    (void)state;
    uint64_t wide[MOST_N];
    uint32_t narrow[MOST_N], a[ROOM + GUARD], b[ROOM + GUARD];
    fill_random(wide, MOST_N, 2);
    for (int i = 0; i < MOST_N; i++)
        wide[i] = narrow[i] = (uint32_t)wide[i];
    narrow[0] = (uint32_t)(wide[0] = UINT32_MAX);
    for (uint64_t n = 1; n <= MOST_N; n++) {
        sign_at(SIMD_SCALAR, 70, 3, wide, 8, n, a);
        sign_at(SIMD_SCALAR, 70, 3, narrow, 4, n, b);
        assert_memory_equal(a, b, 70 * sizeof *a);
    }
}

/* Symbol k is the least value of function k, so a set's symbols follow from those of its single elements. */
static void test_symbols_are_minima(void **state) {
    (void)state;
    uint64_t x[MOST_N];
    uint32_t least[ROOM], one[ROOM + GUARD], all[ROOM + GUARD];
    fill_random(x, MOST_N, 4);
    memset(least, 0xff, sizeof least);
    for (uint64_t n = 1; n <= MOST_N; n++) {
        sign(MOST_M, 9, x + n - 1, 1, one);
        for (int k = 0; k < MOST_M; k++)
            least[k] = one[k] < least[k] ? one[k] : least[k];
        sign(MOST_M, 9, x, n, all);
        if (memcmp(all, least, MOST_M * sizeof *all))
            fail_msg("not the minima of %d elements", (int)n);
    }
}

static void test_repeats_and_order(void **state) {
    (void)state;
    uint64_t x[MOST_N], y[2 * MOST_N];
    uint32_t a[ROOM + GUARD], b[ROOM + GUARD];
    fill_random(x, MOST_N, 5);
    for (uint64_t n = 1; n <= MOST_N; n += 13) {
        for (uint64_t i = 0; i < n; i++) { /* turned by half, then backwards */
            y[i] = x[(i + n / 2) % n];
            y[2 * n - 1 - i] = x[i];
        }
        sign(MOST_M, 1, x, n, a);
        sign(MOST_M, 1, y, 2 * n, b);
        assert_memory_equal(a, b, MOST_M * sizeof *a);
    }
}

static void test_functions_differ(void **state) {
    (void)state;
    enum { ELEMENTS = 64 };
    static uint32_t value[ELEMENTS][ROOM + GUARD];
    uint64_t x[ELEMENTS];
    fill_random(x, ELEMENTS, 6);
    for (int i = 0; i < ELEMENTS; i++)
        sign(MOST_M, 2, &x[i], 1, value[i]);
    for (int k = 0; k < MOST_M; k++)
        for (int l = 0; l < k; l++) {
            int equal = 0;
            for (int i = 0; i < ELEMENTS; i++)
                equal += value[i][k] == value[i][l];
            if (equal > 1)
                fail_msg("functions %d and %d are equal at %d of %d elements", l, k, equal, ELEMENTS);
        }
}

/* Two independent functions have their minima at the same of n elements with probability 1/n. */
static void test_functions_are_independent(void **state) {
    (void)state;
    enum { N = 100, SETS = 20 };
    uint64_t x[N], seed = 7;
    double same = 0, pairs = SETS * MOST_M * (MOST_M - 1) / 2.0;
    for (int set = 0; set < SETS; set++) {
        uint32_t least[ROOM + GUARD], one[ROOM + GUARD];
        int at[MOST_M] = {0}, chosen[N] = {0};
        fill_random(x, N, random_next(&seed));
        sign(MOST_M, 3, x, N, least);
        for (int i = 0; i < N; i++) {
            sign(MOST_M, 3, &x[i], 1, one);
            for (int k = 0; k < MOST_M; k++)
                if (one[k] == least[k])
                    at[k] = i;
        }
        for (int k = 0; k < MOST_M; k++)
            same += chosen[at[k]]++;
    }
    if (!within(same - pairs / N, pairs / N * (1 - 1.0 / N)))
        fail_msg("%g of %g pairs of functions chose the same of %d elements", same, pairs, N);
}

static void test_seeds_differ(void **state) {
    (void)state;
    const uint64_t seeds[] = {0, 1, 2, 3, (uint64_t)1 << 32, (uint64_t)1 << 63, UINT64_MAX};
    static uint32_t symbols[LENGTH(seeds)][ROOM + GUARD];
    uint64_t x[10];
    fill_random(x, 10, 8);
    for (size_t s = 0; s < LENGTH(seeds); s++)
        sign(MOST_M, seeds[s], x, 10, symbols[s]);
    for (size_t s = 0; s < LENGTH(seeds); s++)
        for (size_t t = 0; t < s; t++)
            for (int k = 0; k < MOST_M; k++)
                for (int l = 0; l < MOST_M; l++)
                    if (symbols[s][k] == symbols[t][l])
                        fail_msg("seeds number %d and %d share a symbol", (int)t, (int)s);
}

enum ids { RANDOM, CONSECUTIVE, MULTIPLES, SMALL, HIGH_BITS, KINDS };

static uint64_t id_of(enum ids kind, uint64_t i) {
    const uint64_t id[KINDS] = {mix64(i + 12345), 1000000 + i, 4096 * i, i, i << 44};
    return id[kind];
}

/* Counts of what happens with probability p in each of n tries, summed over trials. */
struct binomial {
    double p, n, trials, sum, spread;
};

static void add_trial(struct binomial *b, double count) {
    double off = count - b->p * b->n;
    b->trials++;
    b->sum += off;
    b->spread += off * off / (b->p * (1 - b->p) * b->n);
}

/* Whether the mean and the variance are the binomial's. For few tries the sum of squares is not yet normal,
 * but its variance is known: 2 + (1 - 6pq)/npq a trial. */
static bool is_binomial(const struct binomial *b) {
    double variance = b->p * (1 - b->p) * b->n, excess = (1 - 6 * b->p * (1 - b->p)) / variance;
    return within(b->sum, b->trials * variance) && within(b->spread - b->trials, b->trials * (2 + excess));
}

/* Sets of which `both` elements are common, `left` and `right` only in one; a trial a seed. Symbols, and
 * bands of four symbols, must be equal as often as the law says. */
static void check_agreement(enum ids kind, uint64_t both, uint64_t left, uint64_t right) {
    enum { TRIALS = 300, BAND = 4 };
    static uint64_t x[3000];
    uint64_t all = both + left + right;
    uint32_t a[ROOM + GUARD], b[ROOM + GUARD];
    for (uint64_t i = 0; i < all; i++)
        x[i] = id_of(kind, i);
    double j = (double)both / (double)all;
    struct binomial symbols = {.p = j, .n = MOST_M}, bands = {.p = j * j * j * j, .n = MOST_M / BAND};
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        int equal = 0, equal_bands = 0;
        sign_at(cpu_simd(), MOST_M, seed, x, 8, left + both, a);
        sign_at(cpu_simd(), MOST_M, seed, x + left, 8, both + right, b);
        for (int k = 0; k < MOST_M; k++)
            equal += a[k] == b[k];
        for (int k = 0; k < MOST_M; k += BAND)
            equal_bands += memcmp(a + k, b + k, BAND * sizeof *a) == 0;
        add_trial(&symbols, equal);
        add_trial(&bands, equal_bands);
    }
    if (!is_binomial(&symbols) || !is_binomial(&bands))
        fail_msg(
            "ids %d, J = %d/%d: a trial's symbols %.2f off, variance times %.2f; bands %.2f off, times %.2f",
            kind, (int)both, (int)all, symbols.sum / TRIALS, symbols.spread / TRIALS, bands.sum / TRIALS,
            bands.spread / TRIALS);
}

static void test_agreement_is_jaccard(void **state) {
    (void)state;
    for (enum ids kind = RANDOM; kind < KINDS; kind++) {
        check_agreement(kind, 1, 1, 1);
        check_agreement(kind, 1, 0, 1);
        check_agreement(kind, 4, 0, 1);
        check_agreement(kind, 9, 1, 0);
        check_agreement(kind, 30, 30, 30);
        check_agreement(kind, 10, 45, 45);
        check_agreement(kind, 500, 300, 200);
    }
}

/* So many elements that some are alike in half of their 64 mixed bits. Two that are alike in all functions
 * could never be told apart: their single symbols of two functions must differ. */
static void test_elements_are_told_apart(void **state) {
    (void)state;
    enum { ELEMENTS = 300000 };
    static uint64_t two[ELEMENTS];
    uint32_t symbols[ROOM + GUARD];
    struct minhash h = minhash_create(2, 0, cpu_simd());
    for (uint64_t i = 0; i < ELEMENTS; i++) {
        minhash_sign(&h, &i, sizeof i, 1, symbols);
        two[i] = (uint64_t)symbols[0] << 32 | symbols[1];
    }
    minhash_free(&h);
    qsort(two, ELEMENTS, sizeof *two, compare_u64);
    for (uint64_t i = 1; i < ELEMENTS; i++)
        if (two[i] == two[i - 1])
            fail_msg("two elements are one to two functions");
}

static void test_disjoint_sets(void **state) {
    (void)state;
    uint64_t x[1000];
    uint32_t a[ROOM + GUARD], b[ROOM + GUARD];
    fill_random(x, 1000, 10);
    sign(MOST_M, 4, x, 500, a);
    sign(MOST_M, 4, x + 500, 500, b);
    for (int k = 0; k < MOST_M; k++)
        assert_int_not_equal(a[k], b[k]);
}

/* LSHJOIN_SIMD caps the level, and cannot raise it or be mistaken. */
static void test_cpu_simd(void **state) {
    (void)state;
    enum simd best = cpu_simd();
    for (enum simd level = SIMD_SCALAR; level <= SIMD_AVX512; level++) {
        setenv("LSHJOIN_SIMD", cpu_simd_name(level), 1);
        assert_int_equal(cpu_simd(), level < best ? level : best);
    }
    setenv("LSHJOIN_SIMD", "nonsense", 1);
    assert_int_equal(cpu_simd(), best);
    unsetenv("LSHJOIN_SIMD");
}

int main(void) {
    unsetenv("LSHJOIN_SIMD");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simd_levels_agree),  cmocka_unit_test(test_widths_agree),
        cmocka_unit_test(test_symbols_are_minima), cmocka_unit_test(test_repeats_and_order),
        cmocka_unit_test(test_functions_differ),   cmocka_unit_test(test_functions_are_independent),
        cmocka_unit_test(test_seeds_differ),       cmocka_unit_test(test_agreement_is_jaccard),
        cmocka_unit_test(test_disjoint_sets),      cmocka_unit_test(test_elements_are_told_apart),
        cmocka_unit_test(test_cpu_simd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
