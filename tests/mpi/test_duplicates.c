/* Identical rows: found wherever they are, whatever their hashes say, and by their contents alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "duplicates.h"

enum { MOST_RANKS = 64, KINDS = 7, LENGTH = 3 };

/* What a row holds: one of a few sets; every eleventh is empty. */
static uint32_t kind_of(uint64_t row) {
    return row % 11 == 0 ? 0 : 1 + (uint32_t)(mix64(row) % KINDS);
}

static uint64_t length_of(uint64_t row) {
    return kind_of(row) ? LENGTH : 0;
}

/* This rank's rows, as they are read. */
static struct records make_rows(const struct shard *s) {
    uint64_t n = shard_local_rows(s);
    struct records r = {.n = n, .item = sizeof(uint32_t)};
    r.offset = mem_zero(n + 1, sizeof *r.offset);
    uint32_t *data = r.data = mem_alloc(n * LENGTH, sizeof *data);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t row = s->start[s->rank] + i;
        r.offset[i + 1] = r.offset[i] + length_of(row);
        for (uint32_t k = 0; k < length_of(row); k++)
            data[r.offset[i] + k] = 10 * kind_of(row) + k;
    }
    return r;
}

/* Of the same input the first row that holds the same; an empty one stands for itself. */
static uint64_t first_of(uint64_t row, uint64_t split) {
    uint64_t first = row < split ? 0 : split;
    while (kind_of(row) && kind_of(first) != kind_of(row))
        first++;
    return kind_of(row) ? first : row;
}

enum hashes { TRUE_ONES, EQUAL_HIGH, EQUAL };

static void find(struct comm *c, struct pool *pool, const struct shard *s, enum hashes hashes, uint64_t most,
                 struct records *rows, struct duplicates *d) {
    uint64_t first = s->start[s->rank];
    struct row_hash *hash = mem_alloc(rows->n, sizeof *hash);
    records_hash(rows, pool, hash);
    for (uint64_t i = 0; i < rows->n; i++) {
        hash[i].high = hashes == TRUE_ONES ? hash[i].high : 5;
        hash[i].low = hashes == EQUAL ? 5 : hash[i].low;
    }
    struct suspects all = {s, max_u64(s->split, first) - first, false, rows, hash};
    duplicates_find(d, c, pool, &all, most);
    free(hash);
}

/* With true hashes all are found; whatever they are, nothing but equal rows is, always with the first. */
static void check_found(struct comm *c, struct pool *pool, const struct shard *s, enum hashes hashes,
                        uint64_t most) {
    struct records rows = make_rows(s);
    struct duplicates d;
    find(c, pool, s, hashes, most, &rows, &d);
    uint64_t n = 0, here = s->start[s->rank], of_input[2] = {0, 0};
    for (uint64_t i = 0; i < rows.n; i++) {
        uint64_t row = here + i, first = first_of(row, s->split);
        bool left_out = n < d.n && d.left_out[n].first == row;
        CHECK(hashes != TRUE_ONES || left_out == (first != row));
        CHECK(!left_out || d.left_out[n].second == first);
        CHECK(records_length(&rows, i) == (left_out ? 0 : length_of(row)));
        CHECK(left_out || memcmp(records_row(&rows, i), &(uint32_t){10 * kind_of(row)},
                                 length_of(row) ? sizeof(uint32_t) : 0) == 0);
        of_input[row >= s->split] += left_out;
        n += left_out;
    }
    CHECK(n == d.n);
    comm_sum(c, of_input, 2);
    comm_sum(c, &n, 1);
    CHECK(n == d.all && of_input[0] == d.of_input[0] && of_input[1] == d.of_input[1]);
    CHECK(d.all > 0);
    uint64_t stood_for = 0;
    for (uint64_t i = 0; i < d.stood_for.n; i++) {
        const uint64_t *other = records_row(&d.stood_for, i);
        uint64_t others = records_length(&d.stood_for, i);
        CHECK(((const uint32_t *)d.lengths.data)[i] == others);
        for (uint64_t k = 0; k < others; k++)
            CHECK(first_of(other[k], s->split) == here + i && other[k] > (k ? other[k - 1] : here + i));
        stood_for += others;
    }
    comm_sum(c, &stood_for, 1);
    CHECK(stood_for == d.all);
    duplicates_free(&d);
    records_free(&rows);
}

static void check_shard(struct comm *c, const uint64_t *rows, uint64_t least_bound) {
    uint64_t start[MOST_RANKS + 1] = {0};
    int ranks = comm_size(c);
    for (int r = 0; r < ranks; r++)
        start[r + 1] = start[r] + rows[r];
    struct pool *pool = pool_create(2);
    const uint64_t all = start[ranks], splits[] = {all, all / 2};
    for (int two = 0; two < 2; two++)
        for (enum hashes hashes = TRUE_ONES; hashes <= EQUAL; hashes++)
            for (uint64_t most = 1 << 20; most >= least_bound; most >>= 12) {
                struct shard s = {.ranks = ranks,
                                  .rank = comm_rank(c),
                                  .self_join = !two,
                                  .rows = all,
                                  .split = splits[two],
                                  .start = start};
                check_found(c, pool, &s, hashes, most);
            }
    pool_destroy(pool);
}

static void test_even(struct comm *c) {
    uint64_t rows[MOST_RANKS];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = 60;
    check_shard(c, rows, 1 << 8);
}

static void test_empty_ranks(struct comm *c) {
    uint64_t rows[MOST_RANKS];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = r % 2 ? 0 : 100;
    check_shard(c, rows, 1 << 8);
}

/* Groups that other buckets would be dealt out at. */
static void test_giant(struct comm *c) {
    uint64_t rows[MOST_RANKS];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = 1500;
    check_shard(c, rows, 1 << 20);
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    CHECK(comm_size(c) <= MOST_RANKS);
    RUN(test_even, c);
    RUN(test_empty_ranks, c);
    RUN(test_giant, c);
    comm_finish(c);
    return 0;
}
