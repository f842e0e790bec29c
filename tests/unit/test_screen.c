/* Every pair of a bucket is looked at once, and what passes comes once, however the work is cut. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/screen.h"

enum { ROWS = 6000, WORDS = 4 };

static const struct drawing drawing = {.bands = 12, .rows = 8, .pool = 256, .symbol_bits = 1, .cut = 200};

/* Families of rows that are alike, one of them so large that its buckets are cut into tiles. */
static uint64_t *make_sketches(void) {
    uint64_t state = 1, *sketch = mem_alloc(ROWS * WORDS, sizeof *sketch);
    for (uint64_t row = 0; row < ROWS; row++)
        for (int k = 0; k < WORDS; k++) {
            uint64_t family = row % 2 ? 0 : row / 8, seed = mix64(family * WORDS + (uint64_t)k + 1);
            uint64_t noise = random_next(&state) & random_next(&state) & random_next(&state);
            sketch[row * WORDS + k] = seed ^ noise;
        }
    return sketch;
}

static int compare(const void *a, const void *b) {
    const struct u64_pair *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->second > y->second) - (x->second < y->second);
}

/* All candidates of all bands, sorted. */
static struct u64_pair *join(const uint64_t *sketch, int threads, uint64_t portion, uint64_t most,
                             uint64_t split, bool exclusive, uint64_t *n_all, uint64_t *copies) {
    struct pool *pool = pool_create(threads);
    struct sketching sketching = sketching_create(&drawing, cpu_simd());
    bool *pairs = mem_alloc(ROWS, sizeof *pairs);
    memset(pairs, true, ROWS * sizeof *pairs);
    struct sketches sketches = {{.n = ROWS, .item = 8, .width = WORDS, .data = (void *)(uintptr_t)sketch},
                                pairs};
    uint64_t start[] = {0, ROWS};
    const struct shard shard = {
        .ranks = 1, .self_join = split == ROWS, .rows = ROWS, .split = split, .start = start};
    struct screen *screen = screen_create(pool, &sketching, &shard, exclusive);
    struct u64_pair *all = NULL;
    *n_all = *copies = 0;
    for (uint32_t band = 0; band < drawing.bands; band += 5) { /* bands in groups, counted from their first */
        struct band_keys keys =
            sketches_keys(&sketches, &sketching, pool, band, (uint32_t)min_u64(drawing.bands, band + 5));
        struct bucket_list *lists = mem_zero((uint64_t)threads, sizeof *lists);
        bucket_all(pool, &keys, sides_of(&shard, false), lists);
        screen_begin(screen, lists, threads, band);
        uint64_t n_rows;
        for (const uint64_t *rows; (rows = screen_portion(screen, portion, &n_rows)) != NULL;) {
            struct records of_portion = records_select(&sketches.words, rows, n_rows);
            for (bool more = true; more;) {
                uint64_t n;
                const struct u64_pair *found = screen_next(screen, of_portion.data, most, &n, copies, &more);
                all = mem_grow(all, *n_all + n, sizeof *all);
                if (n > 0)
                    memcpy(all + *n_all, found, n * sizeof *all);
                *n_all += n;
            }
            records_free(&of_portion);
        }
        for (int t = 0; t < threads; t++)
            bucket_list_free(&lists[t]);
        free(lists);
        free(keys.key);
    }
    qsort(all, *n_all, sizeof *all, compare);
    screen_free(screen);
    sketching_free(&sketching);
    free(pairs);
    pool_destroy(pool);
    return all;
}

/* Those that agree in enough symbols and meet in a band. */
static struct u64_pair *brute_force(const uint64_t *sketch, uint64_t split, bool exclusive, uint64_t *n) {
    struct sketching s = sketching_create(&drawing, SIMD_SCALAR);
    struct u64_pair *all = mem_alloc((uint64_t)ROWS * ROWS / 2, sizeof *all);
    *n = 0;
    for (uint64_t a = 0; a < ROWS && a < split; a++)
        for (uint64_t b = split == ROWS ? a + 1 : split; b < ROWS; b++) {
            bool meets = false;
            for (uint32_t band = 0; band < drawing.bands && !meets; band++) {
                uint64_t differ = 0;
                for (int k = 0; k < WORDS; k++)
                    differ |= (sketch[a * WORDS + k] ^ sketch[b * WORDS + k]) & s.mask[band * WORDS + k];
                meets = !differ;
            }
            if (meets && sketch_agreeing(&s, sketch + a * WORDS, sketch + b * WORDS) >= drawing.cut &&
                !(exclusive && a + split == b))
                all[(*n)++] = (struct u64_pair){a, b};
        }
    sketching_free(&s);
    return all;
}

static void test_all_ways(void **state) {
    (void)state;
    const struct {
        int threads;
        uint64_t portion, most, split;
        bool exclusive;
    } ways[] = {
        {1, 1 << 20, 1 << 30, ROWS, false}, {4, 1 << 20, 1 << 30, ROWS, false},    {3, 10, 1, ROWS, true},
        {2, 500, 1000, ROWS / 2, false},    {1, 1 << 20, 1 << 30, ROWS / 2, true}, {4, 100, 10, 1000, true}};
    uint64_t *sketch = make_sketches(), pairs = 0;
    for (size_t i = 0; i < LENGTH(ways); i++) {
        uint64_t n, expected, copies;
        struct u64_pair *all = join(sketch, ways[i].threads, ways[i].portion, ways[i].most, ways[i].split,
                                    ways[i].exclusive, &n, &copies);
        struct u64_pair *truth = brute_force(sketch, ways[i].split, ways[i].exclusive, &expected);
        assert_int_equal(n, expected);
        assert_true(n > 1000 && copies > n);
        assert_memory_equal(all, truth, n * sizeof *all);
        pairs += n;
        free(all);
        free(truth);
    }
    assert_true(pairs > 0);
    free(sketch);
}

static void test_nothing(void **state) {
    (void)state;
    struct pool *pool = pool_create(2);
    struct sketching sketching = sketching_create(&drawing, cpu_simd());
    uint64_t start[] = {0, 0}, n = 1;
    const struct shard shard = {.ranks = 1, .self_join = true, .start = start};
    const struct bucket_list lists[2] = {{0}, {0}};
    struct screen *screen = screen_create(pool, &sketching, &shard, false);
    screen_begin(screen, lists, 2, 0);
    assert_null(screen_portion(screen, 10, &n));
    assert_int_equal(n, 0);
    screen_free(screen);
    sketching_free(&sketching);
    pool_destroy(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_ways),
        cmocka_unit_test(test_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
