/* A pivot decides as jaccard_at_least does. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/pivot.h"

enum { MOST = PIVOT_MOST_ELEMENTS };

/* n rising elements out of a universe of which two sets share some; `step` makes hashes clash or not. */
static uint64_t draw(uint64_t *state, uint64_t n, uint64_t universe, uint64_t step, uint64_t *out) {
    uint64_t kept = 0;
    for (uint64_t x = 0; x < universe && kept < n; x++)
        if (random_below(state, universe - x) < n - kept)
            out[kept++] = x * step;
    return kept;
}

static void compare(struct pivot *p, const uint64_t *a, uint64_t na, const uint64_t *b, uint64_t nb,
                    struct fraction t, uint64_t *kept) {
    uint32_t a32[MOST], b32[2 * MOST];
    for (uint64_t i = 0; i < na; i++)
        a32[i] = (uint32_t)a[i];
    for (uint64_t i = 0; i < nb; i++)
        b32[i] = (uint32_t)b[i];
    double expected = 0, got = 0;
    bool near = jaccard_at_least(t, a, na, b, nb, sizeof *a, &expected);
    pivot_set(p, a, na, sizeof *a);
    assert_int_equal(pivot_at_least(p, t, b, nb, &got), near);
    if (near)
        assert_true(got == expected);
    pivot_set(p, a32, na, sizeof *a32);
    assert_int_equal(pivot_at_least(p, t, b32, nb, &got), near);
    *kept += near;
}

static void test_random(void **state) {
    (void)state;
    const uint64_t sizes[] = {1, 2, 15, 16, 17, 64, 300, MOST},
                   steps[] = {1, 4096, 0x9e3779b1u % 1000000, 1 << 19};
    struct pivot *p = pivot_create();
    uint64_t seed = 1, kept = 0, cases = 0;
    static uint64_t a[MOST], b[2 * MOST];
    for (size_t i = 0; i < LENGTH(sizes); i++)
        for (size_t s = 0; s < LENGTH(steps); s++)
            for (int turn = 0; turn < 20; turn++) {
                uint64_t universe = sizes[i] + sizes[i] / 8 + 1;
                uint64_t na = draw(&seed, sizes[i], universe, steps[s], a);
                uint64_t nb = draw(&seed, 1 + random_below(&seed, universe), universe, steps[s], b);
                compare(p, a, na, b, nb, (struct fraction){turn % 2 ? 4 : 1, 5}, &kept);
                cases++;
            }
    assert_true(kept > cases / 4 && kept < cases);
    pivot_free(p);
}

/* Exactly at the threshold and one short of it; 0 and 1, which fill empty slots; sets that share nothing. */
static void test_edges(void **state) {
    (void)state;
    struct pivot *p = pivot_create();
    uint64_t a[10], b[10], kept = 0;
    for (uint64_t i = 0; i < 10; i++)
        a[i] = b[i] = i;
    compare(p, a, 9, b, 10, (struct fraction){9, 10}, &kept);
    assert_int_equal(kept, 1);
    compare(p, a, 8, b, 10, (struct fraction){9, 10}, &kept);
    assert_int_equal(kept, 1);
    compare(p, a, 1, b, 1, (struct fraction){1, 1}, &kept);
    compare(p, a + 1, 1, b + 1, 1, (struct fraction){1, 1}, &kept);
    assert_int_equal(kept, 3);
    compare(p, a, 1, b + 1, 1, (struct fraction){1, 9}, &kept);
    compare(p, a + 2, 3, b + 5, 5, (struct fraction){1, 1000}, &kept);
    assert_int_equal(kept, 3);
    pivot_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
