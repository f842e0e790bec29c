/* From buckets to pairs: each pair once for every bucket, at a home that is one of its rows' ranks and always
 * the same. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/candidate.h"

enum { ROWS = 3000, MOST_BUCKETS = 12, NO_HOME = 0xff };

/* A bucket's band is its number, which is how its pairs are told apart. */
struct enumeration {
    struct shard shard;
    bool exclusive, asks, asymmetric, ordered; /* asks: some rows of a bucket ask */
    struct bucket_list lists[3];
    int n_lists;
    uint32_t n_buckets;
    const uint64_t *rows[MOST_BUCKETS]; /* of each bucket */
    uint32_t size[MOST_BUCKETS];
    uint32_t *seen;      /* [ROWS * ROWS] bit 2 * b + k: the pair came from slot k of bucket b */
    unsigned char *home; /* [ROWS * ROWS] of each pair so far */
};

/* Choose n of the rows [first, end), rising, in that role, if there are as many; `apart`: even ones if they
 * store, odd ones if they ask. */
static uint32_t choose_rows(struct bucket_list *l, uint64_t first, uint64_t end, uint32_t n, uint64_t role,
                            bool apart, uint64_t *seed) {
    uint64_t step = apart ? 2 : 1, shift = apart ? (first + role) % 2 : 0;
    uint64_t rows = end > first + shift ? (end - first - shift + step - 1) / step : 0;
    uint32_t chosen = (uint32_t)min_u64(n, rows);
    l->row = mem_grow(l->row, l->n_rows + chosen, sizeof *l->row);
    for (uint64_t k = 0, left = chosen; left > 0; k++)
        if (random_below(seed, rows - k) < left) {
            l->row[l->n_rows++] = (first + shift + k * step) << 1 | role;
            left--;
        }
    return chosen;
}

/* Buckets of these sizes, their rows spread over all, over three lists of which the middle one is empty;
 * where rows ask, half as many more that do. */
static void make_buckets(struct enumeration *e, const uint32_t *size, uint32_t n, uint64_t seed) {
    e->n_lists = 3;
    e->n_buckets = n;
    for (uint32_t b = 0; b < n; b++) {
        struct bucket_list *l = &e->lists[b % 2 * 2];
        bool left_stores = e->shard.self_join || !e->asymmetric;
        bool apart = e->asks && !e->asymmetric; /* who asks nearby does not ask at home */
        struct bucket bucket = {.first = l->n_rows, .band = b};
        bucket.stored = choose_rows(l, left_stores ? 0 : e->shard.split, ROWS, size[b], 0, apart, &seed);
        bucket.size = bucket.stored;
        struct sides sides = sides_of(&e->shard, e->asymmetric);
        for (uint32_t k = 0; k < bucket.stored; k++) {
            bucket.left += l->row[bucket.first + k] >> 1 < sides.left_end;
            bucket.right += l->row[bucket.first + k] >> 1 < sides.right;
        }
        if (e->asks)
            bucket.size += choose_rows(l, 0, e->shard.self_join ? ROWS : e->shard.split, size[b] / 2 + 1, 1,
                                       apart, &seed);
        for (bucket.asked_right = bucket.stored;
             bucket.asked_right < bucket.size &&
             l->row[bucket.first + bucket.asked_right] >> 1 < sides.right;)
            bucket.asked_right++;
        l->bucket = mem_grow(l->bucket, l->n + 1, sizeof *l->bucket);
        l->bucket[l->n++] = bucket;
    }
    for (int k = 0; k < e->n_lists; k++)
        for (uint64_t b = 0; b < e->lists[k].n; b++) {
            const struct bucket *bucket = &e->lists[k].bucket[b];
            e->rows[bucket->band] = e->lists[k].row + bucket->first;
            e->size[bucket->band] = bucket->size;
        }
    e->seen = mem_zero((uint64_t)ROWS * ROWS, sizeof *e->seen);
    e->home = mem_alloc(ROWS, ROWS);
    memset(e->home, NO_HOME, (size_t)ROWS * ROWS);
}

static void free_buckets(struct enumeration *e) {
    for (int k = 0; k < e->n_lists; k++)
        bucket_list_free(&e->lists[k]);
    free(e->seen);
    free(e->home);
}

static void note_candidate(struct enumeration *e, int home, struct u64_pair c) {
    const struct shard *s = &e->shard;
    uint32_t band = candidate_band(c);
    uint64_t mine = s->start[home] + candidate_mine(c), other = shard_absolute(s, home, c.first);
    assert_true(c.first < s->rows && mine < s->start[home + 1] && mine != other && band < e->n_buckets);
    uint64_t left = candidate_mine_is_left(c) ? mine : other, right = mine + other - left;
    uint64_t at = left * ROWS + right;
    assert_true(e->ordered || left < right);
    uint32_t slot = candidate_slot(c);
    if (e->seen[at] >> slot & 1)
        fail_msg("rows %d and %d of bucket %d twice", (int)(at / ROWS), (int)(at % ROWS), (int)band);
    e->seen[at] |= (uint32_t)1 << slot;
    if (e->home[at] == NO_HOME)
        e->home[at] = (unsigned char)home;
    assert_int_equal(e->home[at], home);
}

/* Every pair there should be was noted; as none is noted twice, no other was if their number is right. */
static void check_seen(struct enumeration *e, uint64_t noted) {
    const struct shard *s = &e->shard;
    uint64_t expected = 0;
    for (uint32_t b = 0; b < e->n_buckets; b++)
        for (uint32_t y = 0; y < e->size[b]; y++)
            for (uint32_t x = 0; x < y; x++) {
                uint64_t one = e->rows[b][x], other = e->rows[b][y];
                uint64_t of_left = e->ordered ? (one & 1 ? one : other) : min_u64(one, other);
                uint64_t of_right = one ^ other ^ of_left, left = of_left >> 1, right = of_right >> 1;
                bool both_store = !(one & 1) && !(other & 1), one_asks = (one ^ other) & 1;
                uint64_t left_asks = of_left & 1;
                bool pairs =
                    left != right && (both_store ? !e->asymmetric : one_asks) &&
                    (s->self_join || (left < s->split && right >= s->split && (both_store || left_asks)));
                if (max_u64(left, right) < s->old || (e->exclusive && left + s->split == right))
                    pairs = false;
                expected += pairs;
                if (pairs && !(e->seen[left * ROWS + right] >> (2 * b + left_asks) & 1))
                    fail_msg("rows %d and %d of bucket %d are missing", (int)left, (int)right, (int)b);
            }
    assert_int_equal(noted, expected);
}

static void enumerate(struct enumeration *e, uint64_t slot_size) {
    uint64_t ranks = (uint64_t)e->shard.ranks, *n = mem_alloc(ranks, sizeof *n), noted = 0;
    struct u64_pair *slots = mem_alloc(ranks * slot_size, sizeof *slots);
    struct pair_cursor cursor = {.shard = &e->shard,
                                 .exclusive = e->exclusive,
                                 .ordered = e->ordered,
                                 .lists = e->lists,
                                 .n_lists = e->n_lists};
    for (bool more = true; more;) {
        memset(n, 0xff, ranks * sizeof *n);
        more = pair_cursor_next(&cursor, slots, slot_size, n);
        uint64_t before = noted, full = 0;
        for (uint64_t home = 0; home < ranks; home++) {
            assert_true(n[home] <= slot_size);
            full += n[home] == slot_size;
            for (uint64_t k = 0; k < n[home]; k++)
                note_candidate(e, (int)home, slots[home * slot_size + k]);
            noted += n[home];
        }
        if (more)
            assert_true(full > 0 && noted > before); /* it goes on, and stops only for a reason */
    }
    for (int again = 0; again < 2; again++) { /* as ranks do that wait for others */
        assert_false(pair_cursor_next(&cursor, slots, slot_size, n));
        for (uint64_t home = 0; home < ranks; home++)
            assert_int_equal(n[home], 0);
    }
    check_seen(e, noted);
    pair_cursor_free(&cursor);
    free(slots);
    free(n);
}

struct shape {
    int ranks;
    uint64_t start[6], split;
    bool self_join, exclusive;
    uint64_t old;
};

/* Self-joins and two inputs, split within a rank and between two, with empty ranks and empty inputs; and new
 * rows against old ones. */
static const struct shape shapes[] = {
    {1, {0, ROWS}, ROWS, true, false, 0},
    {3, {0, 1000, 1100, ROWS}, ROWS, true, false, 0},
    {5, {0, 0, 1, 1700, 1700, ROWS}, ROWS, true, true, 0},
    {1, {0, ROWS}, 1234, false, false, 0},
    {1, {0, ROWS}, 1500, false, true, 0},
    {3, {0, 1000, 1100, ROWS}, 1000, false, true, 0},
    {5, {0, 0, 1, 1700, 1700, ROWS}, 600, false, true, 0},
    {2, {0, 1500, ROWS}, 1, false, false, 0},
    {2, {0, 1500, ROWS}, ROWS - 1, false, false, 0},
    {2, {0, 1500, ROWS}, 0, false, false, 0},
    {2, {0, 1500, ROWS}, ROWS, false, false, 0},
    {2, {0, 1500, ROWS}, ROWS, true, false, 1700},
    {3, {0, 1000, 1100, ROWS}, ROWS, true, false, ROWS - 3},
};

static struct enumeration enumeration_of(const struct shape *shape) {
    struct shard s = {.ranks = shape->ranks,
                      .rows = ROWS,
                      .self_join = shape->self_join,
                      .split = shape->split,
                      .old = shape->old,
                      .start = (uint64_t *)shape->start};
    return (struct enumeration){.shard = s, .exclusive = shape->exclusive};
}

static void check_all(const uint32_t *size, uint32_t n, const uint64_t *slot_size, size_t n_slot_sizes) {
    for (size_t i = 0; i < LENGTH(shapes); i++) {
        for (int roles = 0; roles < (i % 4 == 0 ? 4 : 3);
             roles++) { /* where pairs are ordered, of some shapes */
            struct enumeration e = enumeration_of(&shapes[i]);
            e.asks = roles > 0;
            e.asymmetric = roles >= 2;
            e.ordered = roles == 3;
            make_buckets(&e, size, n, i);
            for (size_t k = 0; k < n_slot_sizes; k++) {
                memset(e.seen, 0, (size_t)ROWS * ROWS * sizeof *e.seen);
                enumerate(&e, slot_size[k]);
            }
            free_buckets(&e);
        }
    }
}

/* Around one tile; slots of all sizes, so that an enumeration stops everywhere. */
static void test_small_buckets(void **state) {
    (void)state;
    const uint32_t size[] = {2, 3, 4, 50, 300, 2, 301, 17, 300};
    check_all(size, LENGTH(size), (const uint64_t[]){1, 2, 7, 1000, 10000000}, 5);
}

static void test_tiles(void **state) {
    (void)state;
    check_all((const uint32_t[]){1023, 1024, 1025}, 3, (const uint64_t[]){7, 1000000}, 2);
    check_all((const uint32_t[]){2048, 2}, 2, (const uint64_t[]){1}, 1);
    check_all((const uint32_t[]){3000}, 1, (const uint64_t[]){50000}, 1);
}

static void test_no_buckets(void **state) {
    (void)state;
    check_all(NULL, 0, (const uint64_t[]){1, 100}, 2);
}

/* Both rows of a pair have the same chance to be its home. */
static void test_homes_are_even(void **state) {
    (void)state;
    static const struct shape two = {2, {0, 1500, ROWS}, 1500, false, false, 0};
    struct enumeration e = enumeration_of(&two);
    make_buckets(&e, (const uint32_t[]){ROWS}, 1, 0);
    enumerate(&e, 100000);
    uint64_t at_left = 0, pairs = 1500 * 1500;
    for (uint64_t i = 0; i < (uint64_t)ROWS * ROWS; i++)
        at_left += e.home[i] == 0;
    free_buckets(&e);
    assert_in_range(at_left, pairs / 2 - 4000, pairs / 2 + 4000); /* 5 sigma are 3750 */
}

/* Rows of a job at its limits of 40 and 32 bits, and the last band. */
static void test_widest(void **state) {
    (void)state;
    uint64_t start[] = {0, SHARD_MAX_LOCAL, SHARD_MAX_ROWS - SHARD_MAX_LOCAL, SHARD_MAX_ROWS};
    uint64_t row[] = {(SHARD_MAX_LOCAL - 1) << 1, (SHARD_MAX_ROWS - 1) << 1}, n[3];
    struct bucket bucket = {0, 2, 2, 2, 0, 2, UINT16_MAX};
    struct bucket_list list = {.n = 1, .bucket = &bucket, .n_rows = 2, .row = row};
    struct shard s = {
        .ranks = 3, .self_join = true, .rows = SHARD_MAX_ROWS, .split = SHARD_MAX_ROWS, .start = start};
    struct pair_cursor cursor = {.shard = &s, .exclusive = false, .lists = &list, .n_lists = 1};
    struct u64_pair slots[3];
    assert_false(pair_cursor_next(&cursor, slots, 1, n));
    assert_int_equal(n[0] + n[2], 1);
    int home = n[0] ? 0 : 2;
    assert_int_equal(candidate_band(slots[home]), UINT16_MAX);
    assert_int_equal(start[home] + candidate_mine(slots[home]), row[home / 2] >> 1);
    assert_int_equal(shard_absolute(&s, home, slots[home].first), row[1 - home / 2] >> 1);
    pair_cursor_free(&cursor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_buckets), cmocka_unit_test(test_tiles),
        cmocka_unit_test(test_no_buckets),    cmocka_unit_test(test_homes_are_even),
        cmocka_unit_test(test_widest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
