/* Who meets in bands, and which of these are dear. */
#include "unit.h"

#include <stdlib.h>

#include "lshjoin/meeting.h"

enum { ROWS = 200, SYMBOLS = 64, ALIKE = 7 };

/* Random sketches of bytes, but the first ALIKE symbols, which all rows share. */
static struct sketches draw(uint64_t *seed) {
    struct sketches s = {.words = {.n = ROWS, .item = sizeof(uint64_t), .width = SYMBOLS / 8},
                         .pairs = mem_alloc(ROWS, sizeof *s.pairs)};
    s.words.data = mem_alloc(records_items(&s.words), s.words.item);
    for (uint64_t row = 0; row < ROWS; row++)
        for (uint64_t k = 0; k < SYMBOLS; k++)
            ((uint8_t *)s.words.data)[row * SYMBOLS + k] =
                (uint8_t)(k < ALIKE ? k : (uint64_t)random_below(seed, 256));
    for (uint64_t row = 0; row < ROWS; row++)
        s.pairs[row] = true;
    return s;
}

static double count(const struct sketches *s, uint32_t symbol, uint64_t left) {
    const uint8_t *bytes = s->words.data;
    double n = 0;
    for (uint64_t x = 0; x < (left ? left : ROWS); x++)
        for (uint64_t y = left ? left : x + 1; y < ROWS; y++)
            n += bytes[x * SYMBOLS + symbol] == bytes[y * SYMBOLS + symbol];
    return n;
}

static void test_pairs_of_bands(void **state) {
    (void)state;
    uint64_t seed = 1;
    struct sketches s = draw(&seed);
    const struct drawing d = {.bands = SYMBOLS, .rows = 1, .pool = SYMBOLS, .symbol_bits = 8};
    struct pool *pool = pool_create(2);
    for (uint64_t left = 0; left <= 50; left += 50) {
        struct meeting m = meeting_create(&s, &d, pool, left == 0, left);
        for (uint32_t band = 0; band < SYMBOLS; band++) {
            assert_true(m.pairs[band] == count(&s, band, left));
            assert_true((m.pairs[band] > m.dear) == (band < ALIKE));
        }
        meeting_free(&m);
    }
    pool_destroy(pool);
    sketches_free(&s);
}

/* As many as may be, and none behind the last that is kept. */
static void test_left_out(void **state) {
    (void)state;
    uint64_t seed = 2;
    struct sketches s = draw(&seed);
    struct drawing d = {.bands = SYMBOLS, .rows = 1, .pool = SYMBOLS, .symbol_bits = 8};
    struct pool *pool = pool_create(1);
    struct meeting m = meeting_create(&s, &d, pool, true, 0);
    const uint32_t bands[] = {20, 20, 20, SYMBOLS}, most[] = {44, 3, 0, 0}, expected[] = {ALIKE, 3, 0, 0};
    for (size_t i = 0; i < LENGTH(bands); i++) {
        d.bands = bands[i];
        meeting_leave_out(&m, most[i], &d);
        assert_int_equal(d.n_left_out, expected[i]);
        for (uint32_t k = 0; k < expected[i]; k++)
            assert_int_equal(d.left_out[k], k);
    }
    m.pairs[40] = m.pairs[0]; /* none of 30 */
    d.bands = 30;
    meeting_leave_out(&m, 34, &d);
    assert_int_equal(d.n_left_out, ALIKE);
    meeting_free(&m);
    pool_destroy(pool);
    sketches_free(&s);
}

/* Bands in which nobody meets, or few, are not dear by chance. */
static void test_few_are_never_dear(void **state) {
    (void)state;
    uint64_t seed = 3;
    struct sketches s = draw(&seed);
    const struct drawing d = {.bands = 30, .rows = 4, .pool = SYMBOLS, .symbol_bits = 8};
    struct pool *pool = pool_create(1);
    struct meeting m = meeting_create(&s, &d, pool, true, 0);
    assert_true(m.dear >= 10);
    meeting_free(&m);
    pool_destroy(pool);
    sketches_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_of_bands),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_few_are_never_dear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
