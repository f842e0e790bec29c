/* Rows that hang together, and numbers for rows. */
#include "unit.h"

#include <stdlib.h>

#include "lshjoin/forest.h"

enum { ROWS = 5000 };

static uint64_t row_of(uint64_t k) {
    return mix64(k) >> 24; /* anywhere in 40 bits */
}

/* Labels by the plainest means: relabel until nothing changes. */
static void label_plainly(const uint64_t (*pairs)[2], uint64_t n, uint64_t *label) {
    for (bool changed = true; changed;) {
        changed = false;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t *a = &label[pairs[i][0]], *b = &label[pairs[i][1]], least = min_u64(*a, *b);
            changed |= *a != *b;
            *a = *b = least;
        }
    }
}

static void test_forest(void **state) {
    (void)state;
    static uint64_t pairs[ROWS][2], label[ROWS];
    for (uint64_t joined = 1; joined < 4 * ROWS / 5; joined = 3 * joined + 7) {
        struct forest f = {0};
        for (uint64_t k = 0; k < ROWS; k++)
            label[k] = row_of(k);
        for (uint64_t i = 0; i < joined; i++) {
            pairs[i][0] = mix64(2 * i) % ROWS, pairs[i][1] = mix64(2 * i + 1) % ROWS;
            for (int again = 0; again < 2; again++)
                forest_join(&f, row_of(pairs[i][again]), row_of(pairs[i][!again]));
        }
        label_plainly(pairs, joined, label);
        uint64_t n, told = 0, roots = 0;
        struct u64_pair *cut = forest_cut(&f, &n);
        for (uint64_t k = 0; k < ROWS; k++)
            roots += label[k] == row_of(k);
        assert_int_equal(n, ROWS - roots);
        for (uint64_t i = 0; i < n; i++)
            for (uint64_t k = 0; k < ROWS; k++)
                if (row_of(k) == cut[i].first) {
                    assert_int_equal(label[k], cut[i].second);
                    told++;
                }
        assert_int_equal(told, n);
        free(cut);
    }
}

static void test_numbering(void **state) {
    (void)state;
    struct numbering n = {0};
    for (int again = 0; again < 2; again++)
        for (uint64_t k = 0; k < 100000; k++)
            assert_int_equal(numbering_of(&n, row_of(k)), k);
    assert_int_equal(n.n, 100000);
    numbering_free(&n);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forest), cmocka_unit_test(test_numbering)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
