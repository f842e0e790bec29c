/* The best sets of moves, against all sets there are. */
#include "unit.h"

#include <stdlib.h>

#include "lshjoin/probe.h"

enum { MOST_MOVES = 12, MOST_SETS = 1 << MOST_MOVES, SCALE = 1 << 20 };

/* Scores are multiples of 2^-20, so that sums are exact in any order. */
static uint32_t make_moves(struct move *move, uint32_t rows, uint32_t each, uint64_t range, uint64_t seed) {
    for (uint32_t k = 0; k < rows * each; k++)
        move[k] = (struct move){(double)random_below(&seed, range) / SCALE, k / each, k % each ? 1 : -1};
    return rows * each;
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The sums of all sets without two moves of a row, rising. Returns how many. */
static uint32_t all_sums(const struct move *move, uint32_t n, double *sum) {
    uint32_t sets = 0;
    for (uint32_t set = 1; set < (uint32_t)1 << n; set++) {
        uint32_t rows = 0, twice = 0;
        sum[sets] = 0;
        for (uint32_t k = 0; k < n; k++)
            if (set >> k & 1) {
                twice |= rows & (uint32_t)1 << move[k].row;
                rows |= (uint32_t)1 << move[k].row;
                sum[sets] += move[k].score;
            }
        sets += !twice;
    }
    qsort(sum, sets, sizeof *sum, compare_doubles);
    return sets;
}

/* The best sets come, `most` of them or all, each once, by rising sums, and then no more. */
static void check_all(uint32_t rows, uint32_t each, uint64_t range, uint32_t most, struct probe *p) {
    static double sum[MOST_SETS];
    struct move move[MOST_MOVES];
    uint32_t n = make_moves(move, rows, each, range, rows + range), chosen[MOST_MOVES], size;
    uint32_t sets = all_sums(move, n, sum), found = 0;
    bool *seen = mem_zero(MOST_SETS, sizeof *seen);
    sets = sets < most ? sets : most;
    probe_begin(p, move, n, most);
    while (found < most && (size = probe_next(p, chosen)) > 0) {
        uint32_t set = 0, of_rows = 0;
        double total = 0;
        assert_true(found < sets && size <= rows);
        for (uint32_t k = 0; k < size; k++) {
            set |= (uint32_t)1 << chosen[k];
            of_rows |= (uint32_t)1 << move[chosen[k]].row;
            total += move[chosen[k]].score;
        }
        assert_int_equal(__builtin_popcount(of_rows), size);
        assert_false(seen[set]);
        seen[set] = true;
        assert_true(total == sum[found++]);
    }
    assert_int_equal(found, sets);
    if (found < most)
        assert_int_equal(probe_next(p, chosen), 0);
    free(seen);
}

static void test_all_sets(void **state) {
    (void)state;
    struct probe p = {0};
    for (uint32_t rows = 1; rows <= MOST_MOVES / 2; rows++)
        for (uint64_t range = 1; range <= SCALE; range *= 1024) { /* all alike, many alike, none */
            for (uint32_t most = 1; most <= MOST_SETS; most *= 4) {
                check_all(rows, 1, range, most, &p);
                check_all(rows, 2, range, most, &p);
                check_all(2 * rows, 1, range, most, &p);
            }
        }
    probe_free(&p);
}

/* Of a band's 3^1000 sets a few: what is looked at grows with those asked for. */
static void test_a_few_of_very_many(void **state) {
    (void)state;
    enum { ROWS = 1000, ASKED = 500 };
    static struct move move[2 * ROWS];
    uint32_t chosen[ROWS], n = make_moves(move, ROWS, 2, SCALE, 5);
    struct probe p = {0};
    probe_begin(&p, move, n, ASKED);
    double last = 0;
    for (int t = 0; t < ASKED; t++) {
        double sum = 0;
        for (uint32_t left = probe_next(&p, chosen); left > 0; left--)
            sum += move[chosen[left - 1]].score;
        assert_true(sum >= last);
        last = sum;
    }
    assert_true(p.n_nodes < 4 * ASKED);
    probe_free(&p);
}

static void test_no_moves(void **state) {
    (void)state;
    uint32_t chosen[1];
    struct probe p = {0};
    probe_begin(&p, NULL, 0, 5);
    assert_int_equal(probe_next(&p, chosen), 0);
    probe_free(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_sets),
        cmocka_unit_test(test_a_few_of_very_many),
        cmocka_unit_test(test_no_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
