/* Rows of other ranks: all that were asked for come once, in order and whole, in portions within the bound.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { MOST_RANKS = 64 };

/* Byte k of a row is known from the row's global number, and so is its length. */
static unsigned char byte_of(uint64_t row, uint64_t k) {
    return (unsigned char)(mix64(row << 24 ^ k) >> 56);
}

struct table {
    struct comm *c;
    struct shard shard;
    uint64_t start[MOST_RANKS + 1];
    size_t item;
    bool fixed; /* rows of `width` items; else of random lengths */
    uint64_t width;
    struct records records; /* this rank's rows */
};

static uint64_t length_of(const struct table *t, uint64_t row) {
    if (t->fixed)
        return t->width;
    uint64_t x = mix64(row + 99);
    return x % 4 == 0 ? 0 : x % 50 == 1 ? 300 : x % 20; /* many of no items, few that are long */
}

static void fill_records(struct table *t) {
    uint64_t first = t->start[t->shard.rank], n = shard_local_rows(&t->shard);
    t->records = (struct records){.n = n, .item = t->item, .width = t->width};
    if (!t->fixed) {
        t->records.offset = mem_zero(n + 1, sizeof *t->records.offset);
        for (uint64_t i = 0; i < n; i++)
            t->records.offset[i + 1] = t->records.offset[i] + length_of(t, first + i);
    }
    unsigned char *data = t->records.data = mem_alloc(records_items(&t->records), t->item);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < length_of(t, first + i); k++) {
            uint64_t at = t->fixed ? i * t->width + k : t->records.offset[i] + k;
            for (uint64_t b = 0; b < t->item; b++)
                data[at * t->item + b] = byte_of(first + i, k * t->item + b);
        }
}

static struct table *table_create(struct comm *c, const uint64_t *rows, size_t item, bool fixed) {
    struct table *t = mem_zero(1, sizeof *t);
    int ranks = comm_size(c);
    CHECK(ranks <= MOST_RANKS);
    t->c = c;
    t->item = item;
    t->fixed = fixed;
    t->width = 9;
    for (int r = 0; r < ranks; r++)
        t->start[r + 1] = t->start[r] + rows[r];
    t->shard = (struct shard){.ranks = ranks,
                              .rank = comm_rank(c),
                              .self_join = true,
                              .rows = t->start[ranks],
                              .split = t->start[ranks],
                              .start = t->start};
    fill_records(t);
    return t;
}

static void table_free(struct table *t) {
    records_free(&t->records);
    free(t);
}

static void check_row(const struct table *t, const struct records *portion, uint64_t i, uint64_t row) {
    const unsigned char *data = records_row(portion, i);
    uint64_t length = length_of(t, row);
    CHECK(records_length(portion, i) == length);
    for (uint64_t k = 0; k < length * t->item; k++)
        CHECK(data[k] == byte_of(row, k));
}

/* Fetch the n rows (relative numbers) and compare. */
static void check_fetch(const struct table *t, const uint64_t *rows, uint64_t n, uint64_t most) {
    struct fetch *f = comm_fetch_begin(t->c, &t->shard, &t->records, rows, n, most);
    const struct records *portion;
    uint64_t first, next = 0;
    while (comm_fetch_next(f, &first, &portion)) {
        CHECK(first == next || portion->n == 0);
        CHECK(portion->item == t->item && portion->offset);
        CHECK(records_items(portion) * t->item <= most || portion->n == 1);
        CHECK(portion->n > 0 || next == n); /* a rank that wants more gets more */
        for (uint64_t i = 0; i < portion->n; i++)
            check_row(t, portion, i, shard_absolute(&t->shard, t->shard.rank, rows[first + i]));
        next += portion->n;
    }
    CHECK(next == n);
    comm_fetch_end(f);
}

enum wish { ALL, SOME, FEW, FIRST_RANK, LAST_RANK, ONLY_RANK_0_ASKS, NOTHING, WISHES };

static bool wanted(const struct table *t, enum wish wish, uint64_t row) {
    int holder = shard_rank(&t->shard, row), me = t->shard.rank;
    uint64_t x = mix64(row * MOST_RANKS + (uint64_t)me);
    const bool wants[] = {true,    x % 3 == 0, x % 20 == 0, holder == 0, holder == t->shard.ranks - 1,
                          me == 0, false};
    return wants[wish];
}

static void check_wishes(const struct table *t) {
    const uint64_t most[] = {1, 100, 3000, 1 << 30};
    uint64_t own = shard_local_rows(&t->shard), *rows = mem_alloc(t->shard.rows, sizeof *rows);
    for (enum wish wish = ALL; wish < WISHES; wish++) {
        uint64_t n = 0;
        for (uint64_t relative = own; relative < t->shard.rows; relative++)
            if (wanted(t, wish, shard_absolute(&t->shard, t->shard.rank, relative)))
                rows[n++] = relative;
        for (size_t k = 0; k < sizeof most / sizeof *most; k++)
            check_fetch(t, rows, n, most[k]);
    }
    free(rows);
}

/* The same rows of a fixed table, our own among them and some twice, in an order of their own. */
static void check_picks(const struct table *t) {
    const uint64_t most[] = {1, 500, 1 << 30};
    uint64_t *rows = mem_alloc(2 * t->shard.rows, sizeof *rows);
    for (enum wish wish = ALL; wish < WISHES; wish++) {
        uint64_t n = 0;
        for (uint64_t k = 0; k < 2 * t->shard.rows; k++) {
            uint64_t row = (k * 7919 + (uint64_t)t->shard.rank) % t->shard.rows;
            if (wanted(t, wish, row))
                rows[n++] = row;
        }
        struct records picked = {.n = n, .item = t->item, .width = t->width};
        picked.data = mem_alloc(n * t->width, t->item);
        for (size_t k = 0; k < sizeof most / sizeof *most; k++) {
            memset(picked.data, 0, n * t->width * t->item);
            comm_pick(t->c, &t->shard, &t->records, rows, n, most[k], picked.data);
            for (uint64_t i = 0; i < n; i++)
                check_row(t, &picked, i, rows[i]);
        }
        records_free(&picked);
    }
    free(rows);
}

static void check_tables(struct comm *c, const uint64_t *rows) {
    const size_t items[] = {4, 8};
    for (size_t i = 0; i < 2; i++)
        for (int fixed = 0; fixed <= 1; fixed++) {
            struct table *t = table_create(c, rows, items[i], fixed);
            check_wishes(t);
            if (fixed)
                check_picks(t);
            table_free(t);
        }
}

static void test_even(struct comm *c) {
    uint64_t rows[MOST_RANKS];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = 30;
    check_tables(c, rows);
}

/* Every second rank has no rows, and asks nevertheless. */
static void test_empty_ranks(struct comm *c) {
    uint64_t rows[MOST_RANKS];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = r % 2 ? 40 : 0;
    check_tables(c, rows);
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = r % 2 ? 0 : 50;
    check_tables(c, rows);
}

static void test_one_row(struct comm *c) {
    uint64_t rows[MOST_RANKS] = {0};
    rows[comm_size(c) - 1] = 1;
    check_tables(c, rows);
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    RUN(test_even, c);
    RUN(test_empty_ranks, c);
    RUN(test_one_row, c);
    comm_finish(c);
    return 0;
}
