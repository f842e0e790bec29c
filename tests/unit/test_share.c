/* Giant buckets in parts: every pair of theirs is in one part, no part is much too large, and all ranks get
 * about the same. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/share.h"

enum { ROWS = 700, KINDS = 8 };

/* Of one input, between two, with rows that ask, of which two that store meet or not; lopsided ones; and new
 * rows against old ones. */
static struct bucket bucket_of(int kind, uint32_t band) {
    const struct bucket of_kind[KINDS] = {
        {.stored = ROWS, .left = ROWS, .asked_right = ROWS},
        {.stored = ROWS, .left = 300, .right = 300, .asked_right = ROWS},
        {.stored = 400, .left = 400, .asked_right = 400},
        {.stored = 400, .left = 150, .right = 150, .asked_right = ROWS},
        {.stored = 400, .asked_right = 400},
        {.stored = ROWS, .left = 1, .right = 1, .asked_right = ROWS},
        {.stored = ROWS, .left = ROWS, .right = 500, .asked_right = ROWS},
        {.stored = 400, .left = 400, .right = 310, .asked_right = 620},
    };
    struct bucket b = of_kind[kind];
    b.size = ROWS;
    b.band = band;
    return b;
}

/* What bucket.h says of who meets whom, place by place. */
static bool meet(const struct bucket *b, uint32_t x, uint32_t y) {
    if (y < b->stored)
        return x < b->left && y >= b->right;
    return x < b->stored && (x >= b->right || y >= b->asked_right);
}

/* Rows of a bucket are numbered by kind, so that the pair of places (x, y) is told by its rows. */
static void count_pairs(const struct bucket *b, const uint64_t *row, unsigned char *seen) {
    for (uint32_t y = 0; y < b->size; y++)
        for (uint32_t x = 0; x < y; x++)
            seen[row[x] * ROWS + row[y]] += meet(b, x, y);
}

static void check_cut(int kind, uint64_t pairs) {
    uint64_t row[ROWS], part_row[ROWS], all = 0, n;
    unsigned char *expected = mem_zero(ROWS * ROWS, 1), *seen = mem_zero(ROWS * ROWS, 1);
    for (uint64_t i = 0; i < ROWS; i++)
        row[i] = i;
    struct bucket whole = bucket_of(kind, 7);
    struct bucket_list list = {.n = 1, .bucket = &whole, .n_rows = ROWS, .row = row};
    count_pairs(&whole, row, expected);
    struct share_part *part = share_cut(&list, pairs, &n);
    for (uint64_t k = 0; k < n; k++) {
        struct bucket b = share_bucket(&list, &part[k]);
        assert_true(b.size <= ROWS && b.band == 7);
        assert_in_range(bucket_pairs(&b), 1, 2 * pairs);
        share_rows(&list, &part[k], part_row);
        count_pairs(&b, part_row, seen);
        all += bucket_pairs(&b);
    }
    assert_memory_equal(seen, expected, ROWS * ROWS);
    assert_int_equal(all, bucket_pairs(&whole));
    assert_true(n <= 4 * (all / pairs) + 64); /* few are much smaller than asked for */
    free(part);
    free(seen);
    free(expected);
}

static void test_cut(void **state) {
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (uint64_t pairs = 10; pairs < 1000000; pairs = pairs * 7 + 3)
            check_cut(kind, pairs);
}

/* Those that are wanted come out, the others stay whole and in order. */
static void test_take(void **state) {
    (void)state;
    const uint32_t size[] = {3, 90, 2, 2, 100, 5, 40, 101};
    struct bucket_list lists[2] = {{0}};
    uint64_t row = 0;
    for (uint32_t k = 0; k < LENGTH(size); k++) {
        struct bucket_list *l = &lists[k % 2];
        bucket_list_reserve(l, 1, size[k]);
        l->bucket[l->n++] = (struct bucket){l->n_rows, size[k], size[k], size[k], 0, size[k], k};
        for (uint32_t i = 0; i < size[k]; i++)
            l->row[l->n_rows++] = row++;
    }
    struct bucket_list taken = share_take(lists, 2, 100, 80 * 79 / 2);
    uint64_t n = 0;
    struct bucket_list *all[] = {&lists[0], &lists[1], &taken};
    for (int k = 0; k < 3; k++)
        for (uint64_t b = 0; b < all[k]->n; b++, n++) {
            const struct bucket *bucket = &all[k]->bucket[b];
            uint64_t first = 0;
            for (uint32_t before = 0; before < bucket->band; before++)
                first += size[before];
            assert_int_equal(bucket->size, size[bucket->band]);
            assert_int_equal(bucket->size >= 90, k == 2);
            for (uint32_t i = 0; i < bucket->size; i++)
                assert_int_equal(all[k]->row[bucket->first + i], first + i);
        }
    assert_int_equal(n, LENGTH(size));
    assert_int_equal(lists[0].n_rows + lists[1].n_rows, 3 + 2 + 2 + 5 + 40);
    for (int k = 0; k < 3; k++)
        bucket_list_free(all[k]);
}

/* Parts of an eighth of an even share, laid on the line: nobody has a fifth more than that in the end, but
 * who keeps as much. */
static void test_edges(void **state) {
    (void)state;
    enum { RANKS = 37 };
    uint64_t seed = 5;
    for (int round = 0; round < 50; round++) {
        struct share_load load[RANKS];
        uint64_t edge[RANKS + 1], all = 0, dealt = 0;
        for (int r = 0; r < RANKS; r++) {
            load[r].kept = random_below(&seed, 1000000);
            load[r].dealt = random_below(&seed, 8) ? 0 : random_below(&seed, 50000000);
            all += load[r].kept + load[r].dealt;
            dealt += load[r].dealt;
        }
        share_edges(load, RANKS, edge);
        assert_true(edge[0] == 0 && edge[RANKS] >= dealt);
        for (int r = 0; r < RANKS; r++) {
            uint64_t has = load[r].kept + min_u64(edge[r + 1], dealt) - min_u64(edge[r], dealt);
            assert_true(edge[r] <= edge[r + 1] && has <= max_u64(load[r].kept, all / RANKS + 1));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
