/* Sorting pairs of numbers, against qsort. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/sort.h"

static int compare(const void *a, const void *b) {
    const struct u64_pair *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->second > y->second) - (x->second < y->second);
}

enum pattern {
    RANDOM,
    FEW,
    EQUAL,
    RISING,
    FALLING,
    LOW_BYTE,
    HIGH_BYTE,
    OUTLIERS,
    ROWS,
    ONE_FIRST,
    LAST_LEAST,
    PATTERNS
};

static struct u64_pair pair_of(enum pattern pattern, uint64_t i, uint64_t n, uint64_t *seed) {
    uint64_t x = random_next(seed), y = random_next(seed);
    switch (pattern) {
    case FEW:
        return (struct u64_pair){x % 3 * 0x123456789abcdef, y % 5};
    case EQUAL:
        return (struct u64_pair){7, UINT64_MAX};
    case RISING:
        return (struct u64_pair){i / 2, i};
    case FALLING:
        return (struct u64_pair){(n - i) / 2, n - i};
    case LOW_BYTE:
        return (struct u64_pair){x % 256, y % 256};
    case HIGH_BYTE:
        return (struct u64_pair){x << 56, y << 56};
    case OUTLIERS: /* nearly all fall in one bin of the split */
        return (struct u64_pair){i % 1000 == 7 ? UINT64_MAX - x % 9 : x % 9, y};
    case ROWS: /* as candidates are: 40-bit rows far from 0, and row and band */
        return (struct u64_pair){((uint64_t)1 << 39) + x % 100000, y % 5000 << 16 | y >> 60};
    case ONE_FIRST:
        return (struct u64_pair){(uint64_t)1 << 63, y};
    case LAST_LEAST: /* only the last one differs */
        return (struct u64_pair){i + 1 < n, i + 1 < n};
    default:
        return (struct u64_pair){x, y};
    }
}

static void check_sort(struct pool *pool, enum pattern pattern, uint64_t n) {
    struct u64_pair *a = mem_alloc(n, sizeof *a), *tmp = mem_alloc(n, sizeof *a),
                    *expected = mem_alloc(n, sizeof *a);
    uint64_t seed = n;
    for (uint64_t i = 0; i < n; i++)
        a[i] = expected[i] = pair_of(pattern, i, n, &seed);
    qsort(expected, n, sizeof *expected, compare);
    sort_pairs(pool, a, tmp, n);
    if (memcmp(a, expected, n * sizeof *a))
        fail_msg("pattern %d, %d pairs, %d threads: not sorted", pattern, (int)n, pool_threads(pool));
    free(a);
    free(tmp);
    free(expected);
}

static void check_sizes(int threads) {
    const uint64_t sizes[] = {255, 256, 257, 1000, 16383, 16384, 16385, 20000, 100003};
    struct pool *pool = pool_create(threads);
    for (enum pattern pattern = RANDOM; pattern < PATTERNS; pattern++) {
        for (uint64_t n = 0; n <= 100; n++)
            check_sort(pool, pattern, n);
        for (size_t i = 0; i < LENGTH(sizes); i++)
            check_sort(pool, pattern, sizes[i]);
    }
    check_sort(pool, RANDOM, 500000);
    check_sort(pool, ROWS, 500000);
    pool_destroy(pool);
}

static void test_one_thread(void **state) {
    (void)state;
    check_sizes(1);
}

static void test_three_threads(void **state) {
    (void)state;
    check_sizes(3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread),
        cmocka_unit_test(test_three_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
