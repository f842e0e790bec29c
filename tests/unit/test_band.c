/* Band keys, signatures, and the bands in which two digests collide. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/band.h"
#include "lshjoin/minhash.h"

enum { MANY = 100000 };

static int compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void check_distinct(uint64_t *keys, uint64_t n) {
    qsort(keys, n, sizeof *keys, compare_u64);
    assert_true(keys[0] != BAND_NO_KEY);
    for (uint64_t i = 1; i < n; i++)
        if (keys[i] == keys[i - 1])
            fail_msg("two keys are equal");
}

static void test_key_depends_on_band(void **state) {
    (void)state;
    static uint64_t keys[1000];
    const uint32_t symbols[] = {1, 2, 3};
    for (uint32_t r = 0; r <= 3; r++) {
        for (uint32_t band = 0; band < LENGTH(keys); band++)
            keys[band] = band_key(symbols, r, band);
        check_distinct(keys, LENGTH(keys));
    }
}

/* Symbols counting in one place after the other, the rest zero: every place, and every bit of it, matters. */
static void test_key_depends_on_symbols(void **state) {
    (void)state;
    static uint64_t keys[MANY];
    for (uint32_t r = 1; r <= 9; r++) {
        uint64_t n = 0;
        keys[n++] = band_key((const uint32_t[9]){0}, r, 4);
        for (uint32_t k = 0; k < r; k++) {
            uint32_t symbols[9] = {0};
            for (symbols[k] = 1; symbols[k] <= 1000; symbols[k]++)
                keys[n++] = band_key(symbols, r, 4);
            for (uint32_t bit = 10; bit < 32; bit++) {
                symbols[k] = (uint32_t)1 << bit;
                keys[n++] = band_key(symbols, r, 4);
            }
        }
        check_distinct(keys, n);
    }
}

static void test_key_depends_on_order(void **state) {
    (void)state;
    uint32_t symbols[6] = {1, 2, 3, 4, 5, 6};
    uint64_t keys[1 + 15];
    for (uint32_t r = 2; r <= 6; r++) {
        uint64_t n = 0;
        keys[n++] = band_key(symbols, r, 0);
        for (uint32_t i = 0; i < r; i++)
            for (uint32_t k = 0; k < i; k++) {
                uint32_t swapped[6];
                memcpy(swapped, symbols, sizeof swapped);
                swapped[i] = symbols[k];
                swapped[k] = symbols[i];
                keys[n++] = band_key(swapped, r, 0);
            }
        check_distinct(keys, n);
    }
}

/* The chain of bijections meets 0 where symbols repeat the band's own hash; there the key must be another
 * number. (Should the chain ever change, look for its symbols again.) */
static void test_key_is_never_none(void **state) {
    (void)state;
    for (uint32_t band = 0; band < 100; band++) {
        uint64_t start = mix64(band + 0x9e3779b97f4a7c15u);
        const uint32_t symbols[] = {(uint32_t)(start >> 32), (uint32_t)start};
        assert_true(band_key(symbols, 2, band) != BAND_NO_KEY);
    }
}

static void test_random_keys_differ(void **state) {
    (void)state;
    static uint64_t keys[MANY];
    uint64_t seed = 1;
    for (int i = 0; i < MANY; i++) {
        uint32_t symbols[5];
        for (int k = 0; k < 5; k++)
            symbols[k] = (uint32_t)random_next(&seed);
        keys[i] = band_key(symbols, 5, 3);
    }
    check_distinct(keys, MANY);
}

enum { ROWS = 20000, BANDS = 7, SYMBOLS = 5, M = BANDS * SYMBOLS };

/* Sets of 0 to 19 elements of 8 bytes, where every tenth is empty. */
static struct records make_sets(void) {
    struct records r = {.n = ROWS, .item = 8};
    uint64_t seed = 2;
    r.offset = mem_alloc(ROWS + 1, sizeof *r.offset);
    r.offset[0] = 0;
    for (uint64_t i = 0; i < ROWS; i++)
        r.offset[i + 1] = r.offset[i] + (i % 10 == 3 ? 0 : 1 + random_below(&seed, 19));
    uint64_t *data = mem_alloc(records_items(&r), sizeof *data);
    for (uint64_t k = 0; k < records_items(&r); k++)
        data[k] = random_next(&seed);
    r.data = data;
    return r;
}

/* told() counts up to all records. */
static void count_told(void *ctx, uint64_t rows) {
    uint64_t *told = ctx;
    assert_true(rows > *told);
    *told = rows;
}

static struct signatures sign(struct pool *pool, const struct records *r, const struct drawing *drawing,
                              bool keep_symbols) {
    uint64_t told = 0;
    struct signatures s =
        signatures_create(pool, &family_jaccard, r, drawing, UINT64_MAX, keep_symbols, count_told, &told);
    assert_int_equal(told, r->n);
    return s;
}

static void check_signatures(struct signatures *s, const struct records *sets, bool keep_symbols,
                             struct pool *pool) {
    struct minhash h = minhash_create(M, 11, SIMD_SCALAR);
    assert_int_equal(s->keys.n, ROWS);
    assert_int_equal(s->keys.bands, BANDS);
    const struct records *digest = signatures_digest(s, pool);
    assert_ptr_equal(signatures_digest(s, pool), digest);
    assert_int_equal(digest->n, ROWS);
    for (uint64_t row = 0; row < ROWS; row++) {
        uint32_t symbols[64];
        uint64_t keys[BANDS];
        bool empty = records_length(sets, row) == 0;
        if (!empty)
            minhash_sign(&h, records_row(sets, row), 8, records_length(sets, row), symbols);
        for (uint32_t band = 0; band < BANDS; band++) {
            keys[band] = empty ? BAND_NO_KEY : band_key(symbols + band * SYMBOLS, SYMBOLS, band);
            assert_true(s->keys.key[band * ROWS + row] == keys[band]);
        }
        size_t bytes = keep_symbols ? M * sizeof *symbols : sizeof keys;
        assert_int_equal(records_length(digest, row) * digest->item, bytes);
        if (!empty || !keep_symbols)
            assert_memory_equal(records_row(digest, row), keep_symbols ? (void *)symbols : keys, bytes);
    }
    minhash_free(&h);
}

static void test_signatures(void **state) {
    (void)state;
    struct records sets = make_sets();
    for (int threads = 1; threads <= 4; threads += 3)
        for (int keep_symbols = 0; keep_symbols <= 1; keep_symbols++) {
            struct pool *pool = pool_create(threads);
            const struct drawing drawing = {.bands = BANDS, .rows = SYMBOLS, .seed = 11};
            struct signatures s = sign(pool, &sets, &drawing, keep_symbols);
            check_signatures(&s, &sets, keep_symbols, pool);
            signatures_free(&s);
            assert_null(s.keys.key);
            pool_destroy(pool);
        }
    records_free(&sets);
}

/* Some bands at a time, with a pool or without, they are what they are among all. */
static void test_parts(void **state) {
    (void)state;
    struct records sets = make_sets();
    struct pool *pool = pool_create(1);
    for (uint32_t values = 0; values <= M + 1; values += (M + 1) / 2) {
        const struct drawing drawing = {.bands = BANDS, .rows = SYMBOLS, .seed = 11, .pool = values};
        struct signatures all = sign(pool, &sets, &drawing, false);
        for (uint32_t band = 0; band < BANDS; band += 3) {
            struct drawing part = drawing_part(&drawing, band, (uint32_t)min_u64(BANDS, band + 3));
            struct signatures s = sign(pool, &sets, &part, true);
            assert_int_equal(s.keys.bands, part.bands);
            assert_memory_equal(s.keys.key, all.keys.key + (uint64_t)band * ROWS,
                                part.bands * ROWS * sizeof *s.keys.key);
            signatures_free(&s);
        }
        signatures_free(&all);
    }
    pool_destroy(pool);
    records_free(&sets);
}

static void test_no_rows(void **state) {
    (void)state;
    struct pool *pool = pool_create(2);
    uint64_t offset[] = {0};
    struct records none = {.item = 4, .offset = offset};
    for (int keep_symbols = 0; keep_symbols <= 1; keep_symbols++) {
        const struct drawing drawing = {.bands = 3, .rows = 4};
        struct signatures s = sign(pool, &none, &drawing, keep_symbols);
        assert_int_equal(s.keys.n, 0);
        assert_int_equal(signatures_digest(&s, pool)->n, 0);
        signatures_free(&s);
    }
    pool_destroy(pool);
}

enum { DIGESTS = 30, PARTS = 7, MOST_PART = 24 };

/* Digests of parts of `part` bytes, each one of few values that differ in one byte only. */
static void check_collisions(size_t part, uint64_t values) {
    _Alignas(8) unsigned char digest[DIGESTS][PARTS * MOST_PART] = {0};
    uint64_t value[DIGESTS][PARTS], seed = part;
    int none = 0, some = 0;
    for (int i = 0; i < DIGESTS; i++)
        for (size_t k = 0; k < PARTS; k++) {
            value[i][k] = random_below(&seed, values);
            digest[i][k * part + (k + value[i][k]) % part] = (unsigned char)value[i][k];
        }
    for (int i = 0; i < DIGESTS; i++)
        for (int j = 0; j < DIGESTS; j++) {
            uint32_t count = 0, first = PARTS;
            for (uint32_t band = PARTS; band-- > 0;)
                if (value[i][band] == value[j][band]) {
                    count++;
                    first = band;
                }
            const struct signatures s = {.keys = {.bands = PARTS, .variants = 1},
                                         .digest = {.item = part, .width = PARTS}};
            assert_int_equal(band_count(&s, digest[i], digest[j]), count);
            assert_int_equal(band_first_slot(&s, digest[i], digest[j]), 2 * first);
            some += count > 0;
            none += count == 0;
        }
    assert_true(some > 50 && (none > 50 || values == 2)); /* else it says nothing */
}

/* One to six symbols a band, two being as long as a key is. */
static void test_collisions(void **state) {
    (void)state;
    for (size_t part = 4; part <= MOST_PART; part += 4) {
        check_collisions(part, 2);
        check_collisions(part, 5);
        check_collisions(part, 40);
    }
}

/* Keys of few values, some of them none, in a first variant that stores and others that ask. */
static void check_slots(uint32_t variants, bool asymmetric) {
    enum { MOST_VARIANTS = 4, VALUES = 6 };
    uint64_t keys[DIGESTS][PARTS][MOST_VARIANTS], seed = variants;
    uint64_t digest[DIGESTS][PARTS * MOST_VARIANTS];
    const struct signatures s = {.keys = {.bands = PARTS, .variants = variants},
                                 .is_asymmetric = asymmetric,
                                 .digest = {.item = sizeof(uint64_t), .width = PARTS * variants}};
    for (int i = 0; i < DIGESTS; i++)
        for (uint32_t band = 0; band < PARTS; band++)
            for (uint32_t v = 0; v < variants; v++) {
                uint64_t value = i % 3 ? random_below(&seed, VALUES * variants) << 1 : 2 * (uint64_t)i + 2;
                keys[i][band][v] = value == 0 ? BAND_NO_KEY : value | (v ? BAND_ASKS : 0);
                digest[i][band * variants + v] = keys[i][band][v];
            }
    int seen[2] = {0, 0};
    for (int i = 0; i < DIGESTS; i++)
        for (int j = 0; j < DIGESTS; j++) {
            uint32_t count = 0, first = 2 * PARTS;
            for (uint32_t band = PARTS; band-- > 0;) {
                const uint64_t *left = keys[i][band], *right = keys[j][band];
                bool in[2] = {!asymmetric && left[0] == right[0], false};
                for (uint32_t v = 1; v < variants; v++) {
                    in[0] |= left[0] != BAND_NO_KEY && right[v] == (left[0] | BAND_ASKS);
                    in[1] |= right[0] != BAND_NO_KEY && left[v] == (right[0] | BAND_ASKS);
                }
                count += in[0] || in[1];
                first = in[0] ? 2 * band : in[1] ? 2 * band + 1 : first;
            }
            assert_int_equal(band_count(&s, digest[i], digest[j]), count);
            assert_int_equal(band_first_slot(&s, digest[i], digest[j]), first);
            if (first < 2 * PARTS)
                seen[first % 2]++;
        }
    assert_true(seen[0] > 50 && seen[1] > 50);
}

static void test_slots(void **state) {
    (void)state;
    check_slots(2, true);
    check_slots(2, false);
    check_slots(4, true);
    check_slots(4, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_depends_on_band),
        cmocka_unit_test(test_key_depends_on_symbols),
        cmocka_unit_test(test_key_depends_on_order),
        cmocka_unit_test(test_key_is_never_none),
        cmocka_unit_test(test_random_keys_differ),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_collisions),
        cmocka_unit_test(test_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
