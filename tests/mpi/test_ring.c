/* Rows that go around: each rank's come to all that they should, whole, once, in order and in portions within
 * the bound. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "comm_ring.h"

enum { MOST_RANKS = 64, WIDTH = 9 };

/* A row is known from its rank and number, and so is its length. */
static uint64_t length_of(int rank, uint64_t row, bool fixed) {
    uint64_t x = mix64((uint64_t)rank << 32 ^ row);
    return fixed         ? WIDTH
           : x % 4 == 0  ? 0
           : x % 50 == 1 ? 300
                         : x % 20; /* many of no items, few that are long */
}

static unsigned char byte_of(int rank, uint64_t row, uint64_t k) {
    return (unsigned char)(mix64((uint64_t)rank << 48 ^ row << 24 ^ k) >> 56);
}

/* The rows of a rank, behind `before` others that do not travel. */
static struct records make_rows(int rank, uint64_t n, uint64_t before, size_t item, bool fixed) {
    struct records r = {.n = n, .item = item, .width = fixed ? WIDTH : 0};
    uint64_t *offset = mem_zero(before + n + 1, sizeof *offset), total = before * WIDTH;
    for (uint64_t i = 0; i <= n; i++) {
        offset[i] = total;
        total += i < n ? length_of(rank, i, fixed) : 0;
    }
    unsigned char *data = mem_alloc(total, item);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < length_of(rank, i, fixed) * item; k++)
            data[offset[i] * item + k] = byte_of(rank, i, k);
    r.data = fixed ? data + before * WIDTH * item : data;
    r.offset = fixed ? NULL : offset;
    if (fixed)
        free(offset);
    return r;
}

static void free_rows(struct records *r, uint64_t before) {
    if (!r->offset)
        r->data = (char *)r->data - before * WIDTH * r->item;
    records_free(r);
}

static void check_block(const struct ring_block *b, const struct records *mine, uint64_t most, bool fixed) {
    uint64_t bytes = 0;
    CHECK(b->rows.item == mine->item && (b->rows.offset == NULL) == fixed);
    for (uint64_t i = 0; i < b->rows.n; i++) {
        uint64_t n = length_of(b->from, b->first + i, fixed);
        const unsigned char *row = records_row(&b->rows, i);
        CHECK(records_length(&b->rows, i) == n);
        bytes += n * mine->item;
        for (uint64_t k = 0; k < n * mine->item; k++)
            CHECK(row[k] == byte_of(b->from, b->first + i, k));
    }
    CHECK(bytes <= most || b->rows.n == 1);
}

/* Who has how many rows, how far they go, how much at once. */
static void check_ring(struct comm *c, const uint64_t *rows, int distance, uint64_t most, size_t item,
                       bool fixed) {
    int rank = comm_rank(c), ranks = comm_size(c);
    uint64_t before = rank == 1 ? 5 : 0, came[MOST_RANKS] = {0}, blocks = 0, same;
    struct records mine = make_rows(rank, rows[rank], before, item, fixed);
    struct ring *ring = comm_ring_begin(c, &mine, distance, most);
    struct ring_block b;
    double done, share, last = -1;
    while (comm_ring_next(ring, &b, &done, &share)) {
        CHECK(b.distance <= distance && b.from == (rank - b.distance + ranks) % ranks);
        CHECK(b.first == came[b.from]);
        CHECK(done > last && done + share < 1 + 1e-9);
        check_block(&b, &mine, most, fixed);
        came[b.from] += b.rows.n;
        last = done;
        blocks++;
    }
    comm_ring_end(ring);
    for (int r = 0; r < ranks; r++)
        CHECK(came[r] == ((rank - r + ranks) % ranks <= distance ? rows[r] : 0));
    same = blocks;
    comm_max(c, &same, 1);
    CHECK(same == blocks); /* the others made as many calls */
    free_rows(&mine, before);
}

static void check_rings(struct comm *c, const uint64_t *rows) {
    const uint64_t most[] = {1, 100, 4096, 1 << 20};
    for (int distance = 0; distance < comm_size(c); distance++)
        for (size_t k = 0; k < sizeof most / sizeof *most; k++)
            for (size_t item = 4; item <= 8; item += 4) {
                check_ring(c, rows, distance, most[k], item, false);
                check_ring(c, rows, distance, most[k], item, true);
            }
}

static void test_even(struct comm *c) {
    uint64_t rows[MOST_RANKS];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = 30;
    check_rings(c, rows);
}

static void test_uneven(struct comm *c) {
    uint64_t rows[MOST_RANKS];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = r % 2 ? 0 : 7 + 40 * (uint64_t)r;
    check_rings(c, rows);
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = r == comm_size(c) - 1;
    check_rings(c, rows);
}

static void test_none(struct comm *c) {
    uint64_t rows[MOST_RANKS] = {0};
    check_rings(c, rows);
}

/* Ended before all have come, as after an error. */
static void test_given_up(struct comm *c) {
    struct records mine = make_rows(comm_rank(c), 50, 0, 4, false);
    for (int blocks = 0; blocks < 6; blocks++) {
        struct ring *ring = comm_ring_begin(c, &mine, comm_size(c) - 1, 200);
        struct ring_block b;
        double done, share;
        for (int k = 0; k < blocks; k++)
            comm_ring_next(ring, &b, &done, &share);
        comm_ring_end(ring);
    }
    free_rows(&mine, 0);
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    RUN(test_even, c);
    RUN(test_uneven, c);
    RUN(test_none, c);
    RUN(test_given_up, c);
    comm_finish(c);
    return 0;
}
