/* Making sets, against qsort. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "pack/set.h"

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

enum pattern {
    HASHES,
    FEW,
    EQUAL,
    RISING,
    FALLING,
    LOW,
    HIGH,
    OUTLIERS,
    POWERS,
    LAST_LEAST,
    TWO_HEAPS,
    PATTERNS
};

static uint64_t element(enum pattern pattern, uint64_t i, uint64_t n, uint64_t *seed) {
    uint64_t x = random_next(seed);
    switch (pattern) {
    case FEW:
        return x % 7 * 0x123456789abcdef;
    case EQUAL:
        return UINT64_MAX;
    case RISING:
        return i / 2;
    case FALLING:
        return (n - i) / 2;
    case LOW:
        return x % (2 * n);
    case HIGH:
        return x << 60;
    case OUTLIERS: /* nearly all fall in one bin, whose elements differ in few bits */
        return i % 1000 == 7 ? UINT64_MAX - x % 9 : x % 99;
    case POWERS: /* every step parts few of them from the others */
        return (uint64_t)1 << x % 64;
    case LAST_LEAST:
        return i + 1 < n;
    case TWO_HEAPS:
        return (x & 1) << 63 | x >> 40;
    default:
        return x;
    }
}

static void check(enum pattern pattern, uint64_t n, struct buffer *scratch) {
    uint64_t *v = mem_alloc(n, sizeof *v), *expected = mem_alloc(n, sizeof *v), seed = n, left = 0;
    for (uint64_t i = 0; i < n; i++)
        v[i] = expected[i] = element(pattern, i, n, &seed);
    qsort(expected, n, sizeof *expected, compare);
    for (uint64_t i = 0; i < n; i++)
        if (i == 0 || expected[i] != expected[left - 1])
            expected[left++] = expected[i];
    assert_int_equal(set_make(v, n, scratch), left);
    if (memcmp(v, expected, left * sizeof *v))
        fail_msg("pattern %d of %d elements: not the set", pattern, (int)n);
    free(expected);
    free(v);
}

static void test_patterns(void **state) {
    (void)state;
    static const uint64_t sizes[] = {255, 256, 257, 1000, 2047, 2048, 2049, 20000, 300000};
    struct buffer scratch = {0};
    for (enum pattern pattern = HASHES; pattern < PATTERNS; pattern++) {
        for (uint64_t n = 0; n <= 100; n++)
            check(pattern, n, &scratch);
        for (size_t i = 0; i < LENGTH(sizes); i++)
            check(pattern, sizes[i], &scratch);
    }
    buffer_free(&scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
