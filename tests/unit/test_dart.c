/* Signatures of weighted sets: their law, the whole distribution of agreeing symbols and not only its mean.
 */
#include "agreement.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/dart.h"
#include "lshjoin/family.h"
#include "lshjoin/minhash.h"
#include "lshjoin/weighted.h"

enum { SYMBOLS = 64, MOST = 400 };

static double uniform(uint64_t *state) {
    return ((double)(random_next(state) >> 11) + 0.5) * 0x1p-53;
}

/* Two sets: of each element a weight of the first and of the second, either of which may be 0. */
struct two {
    struct weighted_wide a[MOST], b[MOST];
    uint64_t na, nb;
    double similarity;
};

/* Weights of a spread of 2^-spread .. 2^spread, times `scale`, of which those of the second differ by factors
 * of up to e^-+apart, or are of one set only. */
static struct two draw(uint64_t n, int spread, double scale, double apart, uint64_t seed) {
    struct two t = {.na = 0};
    double least = 0, most = 0;
    uint64_t state = seed;
    for (uint64_t i = 0; i < n; i++) {
        double x = scale * exp2((2 * uniform(&state) - 1) * spread);
        double y = x * exp((2 * uniform(&state) - 1) * apart), which = uniform(&state);
        uint64_t element = i * 3 + seed % 1000;
        if (which > apart / 8)
            t.a[t.na++] = (struct weighted_wide){element, x};
        if (which > apart / 8 || which < apart / 16)
            t.b[t.nb++] = (struct weighted_wide){element, y};
        least += which > apart / 8 ? fmin(x, y) : 0;
        most += which > apart / 8 ? fmax(x, y) : which < apart / 16 ? y : 0;
    }
    t.similarity = least / most;
    return t;
}

/* The symbols in which two agree. */
static uint32_t agreeing(const struct two *t, uint64_t seed) {
    struct dart d = dart_create(SYMBOLS, seed);
    struct dart_board a = dart_board_create(&d), b = dart_board_create(&d);
    dart_sign(&d, t->a, sizeof *t->a, t->na, &a);
    dart_sign(&d, t->b, sizeof *t->b, t->nb, &b);
    uint32_t n = 0;
    for (int k = 0; k < SYMBOLS; k++)
        n += a.dart[k] == b.dart[k];
    dart_board_free(&a);
    dart_board_free(&b);
    dart_free(&d);
    return n;
}

/* Twenty similarities from .9 to .1, of few elements and many, of small weights and large, alike and of all
 * sizes. 3.3 standard deviations are a binomial interval of 99.9%. */
static void test_law(void **state) {
    (void)state;
    const uint64_t sizes[] = {1, 2, 5, 30, 300};
    const double scales[] = {1, 1e-30, 3e40, 0x1p-1000};
    for (int k = 0; k < 20; k++) {
        uint64_t n = sizes[k % 5];
        uint32_t draws = n < 100 ? 1000 : 300, count[SYMBOLS + 1] = {0};
        struct two t;
        uint64_t seed = (uint64_t)k * 1000;
        do
            t = draw(n, k % 4 * 4, scales[k / 5], 0.1 + 0.2 * k, seed++);
        while (!(t.similarity > 0.01 && t.similarity < 0.99));
        double sum = 0;
        for (uint32_t i = 0; i < draws; i++) {
            uint32_t f = agreeing(&t, i * 20 + (uint64_t)k);
            count[f]++;
            sum += f;
        }
        double symbols = (double)draws * SYMBOLS, s = t.similarity;
        double off = (sum - symbols * s) / sqrt(symbols * s * (1 - s)),
               far = agreement_distance(count, SYMBOLS, draws, s);
        if (fabs(off) > 3.3 || fabs(far) > 3.3)
            fail_msg("%llu elements of similarity %.3f: mean %.1f, distribution %.1f standard deviations off",
                     (unsigned long long)n, s, off, far);
    }
}

/* Sets of whole weights are multisets, and these are sets of (element, copy): MinHash must agree as often. */
static void test_whole_weights(void **state) {
    (void)state;
    enum { DRAWS = 2000, ELEMENTS = 12 };
    uint64_t stream = 5;
    for (int pair = 0; pair < 5; pair++) {
        struct two t = {.na = 0};
        uint64_t copies[2][ELEMENTS * 10], n[2] = {0, 0};
        for (uint64_t i = 0; i < ELEMENTS; i++) {
            uint64_t x = random_below(&stream, 10),
                     y = random_below(&stream, 3) ? x : random_below(&stream, 10);
            for (uint64_t copy = 0; copy < x; copy++)
                copies[0][n[0]++] = i << 32 | copy;
            for (uint64_t copy = 0; copy < y; copy++)
                copies[1][n[1]++] = i << 32 | copy;
            if (x > 0)
                t.a[t.na++] = (struct weighted_wide){i, (double)x};
            if (y > 0)
                t.b[t.nb++] = (struct weighted_wide){i, (double)y};
        }
        double plain, weighted, by_darts = 0, by_minhash = 0;
        assert_true(jaccard_at_least((struct fraction){0, 1}, copies[0], n[0], copies[1], n[1], 8, &plain));
        assert_true(weighted_at_least((struct fraction){0, 1}, t.a, t.na, t.b, t.nb, sizeof *t.a, &weighted));
        assert_true(plain == weighted);
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            struct minhash h = minhash_create(SYMBOLS, seed, cpu_simd());
            uint32_t a[SYMBOLS + MINHASH_PADDING], b[SYMBOLS + MINHASH_PADDING];
            minhash_sign(&h, copies[0], 8, n[0], a);
            minhash_sign(&h, copies[1], 8, n[1], b);
            for (int k = 0; k < SYMBOLS; k++)
                by_minhash += a[k] == b[k];
            minhash_free(&h);
            by_darts += agreeing(&t, seed);
        }
        double deviation = sqrt(2. * DRAWS * SYMBOLS * plain * (1 - plain));
        if (fabs(by_darts - by_minhash) > 3.3 * deviation)
            fail_msg("similarity %.3f: %.0f symbols agree, and %.0f of multisets", plain, by_darts,
                     by_minhash);
    }
}

/* Of a set alone: an element's darts are found as often as its share of the weight. */
static void test_shares(void **state) {
    (void)state;
    enum { DRAWS = 3000 };
    const struct weighted_wide set[] = {{3, 0.7}, {4, 5}, {9, 1.3}};
    uint32_t found = 0;
    for (uint64_t seed = 0; seed < DRAWS; seed++) {
        struct dart d = dart_create(SYMBOLS, seed);
        struct dart_board all = dart_board_create(&d), one = dart_board_create(&d);
        dart_sign(&d, set, sizeof *set, 3, &all);
        dart_sign(&d, set, sizeof *set, 1, &one);
        for (int k = 0; k < SYMBOLS; k++)
            found += all.dart[k] == one.dart[k];
        dart_board_free(&all);
        dart_board_free(&one);
        dart_free(&d);
    }
    double n = (double)DRAWS * SYMBOLS, share = 0.1;
    assert_true(fabs(found - n * share) < 3.3 * sqrt(n * share * (1 - share)));
}

/* Both widths of items, words and sketches, empty rows, pools. */
static void test_family(void **state) {
    (void)state;
    uint64_t offset[] = {0, 3, 3, 5};
    struct weighted_narrow narrow[] = {{1, 0.5f}, {7, 2}, {8, 1e-20f}, {7, 3}, {4000000000, 1e30f}};
    struct weighted_wide wide[5];
    for (int i = 0; i < 5; i++)
        wide[i] = weighted_item(narrow, (uint64_t)i, sizeof *narrow);
    const struct records in[] = {{.n = 3, .item = sizeof *narrow, .offset = offset, .data = narrow},
                                 {.n = 3, .item = sizeof *wide, .offset = offset, .data = wide}};
    const struct drawing plain = {.bands = 8, .rows = 8, .seed = 4},
                         pooled = {.bands = 8, .rows = 8, .pool = 64, .seed = 4},
                         sketched = {.bands = 9, .rows = 8, .pool = 64, .symbol_bits = 8, .seed = 4};
    uint32_t words[2][2][3][64];
    uint64_t sketch[2][3][8];
    bool pairs[3];
    const struct family *f = &family_weighted_jaccard;
    for (int width = 0; width < 2; width++) {
        for (int pool = 0; pool < 2; pool++) {
            memset(words[width][pool], 0, sizeof words[width][pool]);
            void *signer = f->create(pool ? &pooled : &plain, &in[width]);
            f->sign(signer, &in[width], 0, 3, 3, words[width][pool][0], pairs);
            f->destroy(signer);
            assert_true(pairs[0] && !pairs[1] && pairs[2]);
        }
        void *signer = f->create(&sketched, &in[width]);
        f->sketch(signer, &in[width], 0, 3, sketch[width][0], pairs);
        f->destroy(signer);
        assert_true(pairs[0] && !pairs[1] && pairs[2]);
    }
    uint32_t some[3][24]; /* of bands 2 to 4 alone */
    const struct drawing part = drawing_part(&plain, 2, 5);
    void *signer = f->create(&part, in);
    f->sign(signer, in, 0, 3, 3, some[0], pairs);
    f->destroy(signer);
    assert_memory_equal(some[0], words[0][0][0] + 16, sizeof some[0]);
    assert_memory_equal(some[2], words[0][0][2] + 16, sizeof some[2]);
    assert_memory_equal(words[0], words[1], sizeof words[0]);
    assert_memory_equal(words[0][0], words[0][1], sizeof words[0][0]); /* a pool that is large enough */
    assert_memory_equal(sketch[0], sketch[1], sizeof sketch[0]);
    for (int k = 0; k < 64; k++) {
        assert_int_equal(sketch[0][0][k / 8] >> k % 8 * 8 & 0xff, words[0][0][0][k] & 0xff);
        assert_int_equal(sketch[0][2][k / 8] >> k % 8 * 8 & 0xff, words[0][0][2][k] & 0xff);
        assert_int_equal(sketch[0][1][k / 8], 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_law),
        cmocka_unit_test(test_whole_weights),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
