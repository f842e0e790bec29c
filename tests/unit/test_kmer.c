/* k-mers, against sequences written out. */
#include "unit.h"

#include <string.h>

#include "pack/kmer.h"

static uint64_t code(const char *bases, uint32_t k) {
    uint64_t v = 0;
    for (uint32_t i = 0; i < k; i++)
        v = 4 * v + strcspn("ACGT", (char[]){bases[i], 0});
    return v;
}

static uint64_t reverse_code(const char *bases, uint32_t k) {
    uint64_t v = 0;
    for (uint32_t i = k; i-- > 0;)
        v = 4 * v + strcspn("TGCA", (char[]){bases[i], 0});
    return v;
}

static uint64_t canonical(const char *bases, uint32_t k) {
    return min_u64(code(bases, k), reverse_code(bases, k));
}

static void check(uint32_t k, const char *bases, const uint64_t *expected, uint64_t n) {
    struct buffer out = {0};
    buffer_append(&out, &n, sizeof n); /* must stay */
    assert_int_equal(kmer_scan(k, bases, strlen(bases), &out), n);
    assert_int_equal(out.bytes, (n + 1) * sizeof n);
    assert_memory_equal(out.data, &n, sizeof n);
    if (n > 0)
        assert_memory_equal(out.data + sizeof n, expected, n * sizeof n);
    buffer_free(&out);
}

static void test_known(void **state) {
    (void)state;
    /* AAC|GTT, ACG|CGT, CGT|ACG, GTA|TAC */
    check(3, "AACGTA", (uint64_t[]){1, 6, 6, 44}, 4);
    check(1, "ACGT", (uint64_t[]){0, 1, 1, 0}, 4);
    check(2, "GATC", (uint64_t[]){8, 3, 8}, 3);
    check(4, "ACG", NULL, 0);
    check(3, "", NULL, 0);
    check(3, "ACG", (uint64_t[]){6}, 1);
    check(32, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", (uint64_t[]){0, 0}, 2);
    check(32, "TTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT", (uint64_t[]){0}, 1);
    check(32, "CTTTTTTTTTTTTTTTTTTTTTTTTTTTTTTT", (uint64_t[]){2}, 1);
    check(32, "GAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAC", (uint64_t[]){0x8000000000000001}, 1);
}

static void test_letters(void **state) {
    (void)state;
    check(3, "aacGUa", (uint64_t[]){1, 6, 6, 44}, 4);
    check(3, "AACGuA", (uint64_t[]){1, 6, 6, 44}, 4);
    check(3, "AACNACG", (uint64_t[]){1, 6}, 2);
    check(3, "AANCG-TR", NULL, 0);
    check(3, "NAACN", (uint64_t[]){1}, 1);
    check(2, "A CG", (uint64_t[]){6}, 1);
}

static void test_random(void **state) {
    (void)state;
    uint64_t seed = 1, expected[200];
    char bases[201];
    for (int round = 0; round < 2000; round++) {
        uint64_t length = random_below(&seed, LENGTH(bases)), n = 0;
        uint32_t k = 1 + (uint32_t)random_below(&seed, KMER_LONGEST);
        for (uint64_t i = 0; i < length; i++)
            bases[i] = random_below(&seed, 60) ? "ACGT"[random_below(&seed, 4)] : 'N';
        bases[length] = 0;
        for (uint64_t i = 0; i + k <= length; i++)
            if (strspn(bases + i, "ACGT") >= k)
                expected[n++] = canonical(bases + i, k);
        check(k, bases, expected, n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
