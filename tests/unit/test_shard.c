/* Who holds which rows. */
#include "unit.h"

#include "lshjoin/shard.h"

struct shard_case {
    int ranks;
    uint64_t start[8];
};

/* With empty ranks in front, between and behind. */
static const struct shard_case cases[] = {
    {1, {0, 5}},
    {1, {0, 1}},
    {2, {0, 3, 10}},
    {3, {0, 0, 4, 4}},
    {5, {0, 1, 1, 1, 2, 9}},
    {6, {0, 0, 0, 7, 7, 8, 8}},
    {7, {0, 1, 2, 3, 4, 5, 6, 7}},
    {2, {0, (uint64_t)1 << 39, (uint64_t)1 << 40}},
};

static struct shard shard_of(const struct shard_case *c, int rank) {
    return (struct shard){.ranks = c->ranks,
                          .rank = rank,
                          .rows = c->start[c->ranks],
                          .split = c->start[c->ranks],
                          .start = (uint64_t *)c->start};
}

static void check_row(const struct shard *s, uint64_t row) {
    int rank = shard_rank(s, row);
    assert_in_range(rank, 0, s->ranks - 1);
    assert_true(s->start[rank] <= row && row < s->start[rank + 1]);
    for (int from = 0; from < s->ranks; from++) {
        uint64_t relative = shard_relative(s, from, row);
        assert_true(relative < s->rows);
        assert_true(shard_absolute(s, from, relative) == row);
        assert_int_equal(relative < s->start[from + 1] - s->start[from], rank == from);
    }
}

static void test_rows(void **state) {
    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        struct shard s = shard_of(&cases[i], 0);
        for (uint64_t row = 0; row < min_u64(s.rows, 20); row++)
            check_row(&s, row);
        for (int r = 0; r < s.ranks; r++) {
            if (s.start[r] > 0)
                check_row(&s, s.start[r] - 1);
            if (s.start[r] < s.rows)
                check_row(&s, s.start[r]);
        }
        check_row(&s, s.rows - 1);
    }
}

/* Relative numbers go through the ranks in order, from one's own on. */
static void test_relative_order(void **state) {
    (void)state;
    struct shard s = shard_of(&cases[4], 0);
    for (int from = 0; from < s.ranks; from++)
        for (uint64_t relative = 1; relative < s.rows; relative++) {
            int before = shard_rank(&s, shard_absolute(&s, from, relative - 1));
            int after = shard_rank(&s, shard_absolute(&s, from, relative));
            assert_true((before + s.ranks - from) % s.ranks <= (after + s.ranks - from) % s.ranks);
        }
}

static void test_local_rows(void **state) {
    (void)state;
    struct shard s = shard_of(&cases[4], 4);
    assert_int_equal(shard_local_rows(&s), 7);
    s.rank = 1;
    assert_int_equal(shard_local_rows(&s), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_relative_order),
        cmocka_unit_test(test_local_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
