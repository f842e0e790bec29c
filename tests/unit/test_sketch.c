/* Sketches against what their header says, word for word; every SIMD level. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/sketch.h"

enum { MOST_WORDS = 8, ROWS = 300 };

static const struct drawing drawings[] = {
    {.bands = 5, .rows = 4, .pool = 64, .symbol_bits = 8, .cut = 30},
    {.bands = 40, .rows = 3, .pool = 64, .symbol_bits = 8, .cut = 20, .seed = 5},
    {.bands = 7, .rows = 2, .pool = 24, .symbol_bits = 8},
    {.bands = 20, .rows = 10, .pool = 256, .symbol_bits = 1, .cut = 150},
    {.bands = 90, .rows = 9, .pool = 512, .symbol_bits = 1, .cut = 300},
    {.bands = 3, .rows = 40, .pool = 128, .symbol_bits = 1},
};

static unsigned symbol(const uint64_t *sketch, const struct drawing *d, uint32_t k) {
    uint32_t bit = k * d->symbol_bits;
    return (unsigned)(sketch[bit / 64] >> bit % 64 & ((1u << d->symbol_bits) - 1));
}

/* Sketches of which many agree in many symbols. */
static uint64_t *make(const struct drawing *d, uint64_t seed) {
    uint32_t words = sketch_words(d);
    uint64_t state = seed, *sketch = mem_alloc((uint64_t)ROWS * words, sizeof *sketch);
    for (uint32_t i = 0; i < ROWS; i++)
        for (uint32_t k = 0; k < words; k++) {
            uint64_t changes = ~(uint64_t)0;
            for (uint32_t bit = 0; bit < 64; bit += d->symbol_bits)
                if (random_below(&state, ROWS) > i)
                    changes &= ~((((uint64_t)1 << d->symbol_bits) - 1) << bit);
            uint64_t other = random_next(&state);
            sketch[i * words + k] = (i ? sketch[k] : 0) ^ (other & changes);
        }
    return sketch;
}

static uint32_t agreeing(const uint64_t *a, const uint64_t *b, const struct drawing *d) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < d->pool; k++)
        n += symbol(a, d, k) == symbol(b, d, k);
    return n;
}

/* The lowest band in which two meet, or d->bands. */
static uint32_t lowest(const uint64_t *a, const uint64_t *b, const struct drawing *d, const uint32_t *pick) {
    for (uint32_t band = 0; band < d->bands; band++) {
        bool meets = true;
        for (uint32_t k = 0; k < d->rows; k++) {
            uint32_t at = pick[band * d->rows + k];
            meets = meets && symbol(a, d, at) == symbol(b, d, at);
        }
        if (meets)
            return band;
    }
    return d->bands;
}

static void test_candidates(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(drawings); i++)
        for (int level = SIMD_SCALAR; level <= (int)cpu_simd() + cpu_counts_bits(); level++) {
            const struct drawing *d = &drawings[i];
            struct sketching s = sketching_create(d, (enum simd)min_u64((uint64_t)level, cpu_simd()));
            s.counts_bits = level > (int)cpu_simd();
            uint32_t *pick = drawing_picks(d), place[ROWS], words = s.words, candidates = 0;
            uint64_t *sketch = make(d, i);
            for (uint32_t a = 0; a < ROWS; a += 37)
                for (uint32_t band = 0; band < d->bands; band++) {
                    const uint64_t *mine = sketch + a * words;
                    uint32_t n = sketch_candidates(&s, mine, sketch, ROWS, band, place), next = 0;
                    for (uint32_t b = 0; b < ROWS; b++) {
                        const uint64_t *other = sketch + b * words;
                        if (agreeing(mine, other, d) < d->cut || lowest(mine, other, d, pick) != band)
                            continue;
                        assert_true(next < n && place[next] == b);
                        next++;
                    }
                    assert_int_equal(next, n);
                    candidates += n;
                }
            assert_true(candidates > 40);
            free(sketch);
            free(pick);
            sketching_free(&s);
        }
}

static void test_agreeing(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(drawings); i++) {
        const struct drawing *d = &drawings[i];
        struct sketching s = sketching_create(d, cpu_simd());
        uint64_t *sketch = make(d, i + 100);
        for (uint32_t a = 0; a + 1 < ROWS; a++)
            assert_int_equal(sketch_agreeing(&s, sketch + a * s.words, sketch + (a + 1) * s.words),
                             agreeing(sketch + a * s.words, sketch + (a + 1) * s.words, d));
        free(sketch);
        sketching_free(&s);
    }
}

/* Equal keys where, and, but for chance, only where all symbols of the band are equal. */
static void test_keys(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(drawings); i++) {
        const struct drawing *d = &drawings[i];
        struct sketching s = sketching_create(d, cpu_simd());
        struct drawing one = *d;
        uint32_t *pick = drawing_picks(d);
        uint64_t *sketch = make(d, i + 200), key[ROWS];
        one.bands = 1;
        for (uint32_t band = 0; band < d->bands; band++) {
            sketch_keys(&s, sketch, ROWS, band, key);
            for (uint32_t a = 0; a < ROWS; a++) {
                assert_true(key[a] != BAND_NO_KEY && !(key[a] & BAND_ASKS));
                for (uint32_t b = 0; b < a; b++)
                    assert_int_equal(key[a] == key[b], lowest(sketch + a * s.words, sketch + b * s.words,
                                                              &one, pick + band * d->rows) == 0);
            }
        }
        free(sketch);
        free(pick);
        sketching_free(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_agreeing),
        cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
