/* Every kernel says what sums one by one say, at the limit itself too, and with the largest numbers. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/product8.h"

enum { PANEL = PRODUCT8_PANEL, ROWS = PRODUCT8_ROWS, QUAD = PRODUCT8_QUAD, MOST = 127 };

/* A tile: rows, columns as rows, and the same as a panel. */
struct tile {
    uint64_t quads;
    int8_t *x, *y, *image;
    int32_t sum[PANEL], start[PANEL], offset[ROWS];
};

/* Numbers up to `most`, or only the largest with either sign. */
static int8_t number(int most, bool extreme, uint64_t *seed) {
    int size = extreme ? most : (int)random_below(seed, (uint64_t)most + 1);
    return (int8_t)(random_below(seed, 2) ? size : -size);
}

static struct tile draw(uint64_t quads, int most, bool extreme, uint64_t *seed) {
    struct tile t = {.quads = quads,
                     .x = mem_alloc(ROWS * quads, QUAD),
                     .y = mem_alloc(PANEL * quads, QUAD),
                     .image = mem_alloc(PANEL * quads, QUAD)};
    uint64_t width = quads * QUAD;
    for (uint64_t i = 0; i < ROWS * width; i++)
        t.x[i] = number(most, extreme, seed);
    for (uint64_t k = 0; k < PANEL; k++) {
        int same = k % 8 == 0 ? 1 : k % 8 == 1 ? -1 : 0; /* some columns are rows, for the largest sums */
        for (uint64_t i = 0; i < width; i++) {
            int8_t y = same ? (int8_t)(same * t.x[k % ROWS * width + i]) : number(most, extreme, seed);
            t.y[k * width + i] = y;
            t.image[(i / QUAD * PANEL + k) * QUAD + i % QUAD] = y;
            t.sum[k] += y;
        }
    }
    return t;
}

static void tile_free(struct tile *t) {
    free(t->x);
    free(t->y);
    free(t->image);
}

static int32_t product(const struct tile *t, uint64_t r, uint64_t k) {
    int32_t sum = 0;
    for (uint64_t i = 0; i < t->quads * QUAD; i++)
        sum += t->x[r * t->quads * QUAD + i] * t->y[k * t->quads * QUAD + i];
    return sum;
}

static void check_level(const struct tile *t, uint64_t rows, enum simd simd, bool vnni) {
    struct panel8 p = {t->image, t->sum, t->start};
    uint64_t expected[ROWS] = {0}, reached[ROWS + 1], any = 0;
    for (uint64_t r = 0; r < rows; r++) {
        for (uint64_t k = 0; k < PANEL; k++)
            expected[r] |= (uint64_t)(t->start[k] + t->offset[r] + product(t, r, k) >= 0) << k;
        any |= expected[r];
    }
    memset(reached, 0x5a, sizeof reached);
    assert_true(product8_reach(simd, vnni, &p, t->x, rows, t->quads, t->offset, reached) == (any != 0));
    for (uint64_t r = 0; r <= ROWS; r++)
        if (reached[r] != (any && r < rows ? expected[r] : 0x5a5a5a5a5a5a5a5au))
            fail_msg("%s%s: row %d of %d, %d quads", cpu_simd_name(simd), vnni ? ", vnni" : "", (int)r,
                     (int)rows, (int)t->quads);
}

static void check_pairs(const struct tile *t, enum simd simd) {
    uint64_t width = t->quads * QUAD;
    for (uint64_t k = 0; k < PANEL; k += 5)
        for (uint64_t r = 0; r < ROWS; r++)
            assert_int_equal(product8_pair(simd, t->x + r * width, t->y + k * width, width),
                             product(t, r, k));
}

static void check(const struct tile *t) {
    for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++)
        check_pairs(t, (enum simd)level);
    for (uint64_t rows = 1; rows <= ROWS; rows++) {
        for (int level = SIMD_SCALAR; level <= (int)cpu_simd(); level++)
            check_level(t, rows, (enum simd)level, false);
        if (cpu_vnni())
            check_level(t, rows, cpu_simd(), true);
    }
}

/* Each column's sum with one of the rows is hardly below the limit, at it or above. */
static void at_the_limit(struct tile *t, uint64_t *seed) {
    for (uint64_t r = 0; r < ROWS; r++)
        t->offset[r] = (int32_t)random_below(seed, 2001) - 1000;
    for (uint64_t k = 0; k < PANEL; k++)
        t->start[k] = (int32_t)random_below(seed, 3) - 1 - product(t, k % ROWS, k) - t->offset[k % ROWS];
}

static void test_sums(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (uint64_t quads = 1; quads <= 200; quads += quads < 20 ? 1 : 45)
        for (int most = 1; most <= MOST; most += 42)
            for (int extreme = 0; extreme < 2; extreme++) {
                struct tile t = draw(quads, most, extreme, &seed);
                at_the_limit(&t, &seed);
                check(&t);
                tile_free(&t);
            }
}

/* 2^28 is what the caller promises to stay below. */
static void test_largest_sums(void **state) {
    (void)state;
    uint64_t seed = 2;
    struct tile t = draw((1 << 28) / (MOST * MOST * QUAD), MOST, true, &seed);
    assert_true(product(&t, 0, 0) > (1 << 28) - MOST * MOST * QUAD);
    at_the_limit(&t, &seed);
    check(&t);
    tile_free(&t);
}

static void test_nothing_is_reached(void **state) {
    (void)state;
    uint64_t seed = 3;
    struct tile t = draw(8, MOST, false, &seed);
    for (uint64_t k = 0; k < PANEL; k++)
        t.start[k] = -(1 << 28);
    for (uint64_t place = 0; place < PANEL * ROWS; place++) { /* but one sum, wherever it is */
        check(&t);
        uint64_t k = place / ROWS, r = place % ROWS;
        int32_t before = t.start[k];
        t.start[k] = -product(&t, r, k);
        t.offset[r] = 0;
        check(&t);
        t.start[k] = before;
    }
    tile_free(&t);
}

/* A level that is named has no more than its name says. */
static void test_named_levels(void **state) {
    (void)state;
    bool vnni = cpu_vnni();
    assert_true(!vnni || cpu_simd() == SIMD_AVX512);
    for (int level = SIMD_SCALAR; level <= SIMD_AVX512; level++) {
        setenv("LSHJOIN_SIMD", cpu_simd_name((enum simd)level), 1);
        assert_false(cpu_vnni());
    }
    setenv("LSHJOIN_SIMD", "nonsense", 1);
    assert_true(cpu_vnni() == vnni);
    unsetenv("LSHJOIN_SIMD");
}

int main(void) {
    unsetenv("LSHJOIN_SIMD");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_largest_sums),
        cmocka_unit_test(test_nothing_is_reached),
        cmocka_unit_test(test_named_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
