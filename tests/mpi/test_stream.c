/* Rows that come by: those of all ranks on every rank, whole, once, in order, in portions within the bound
 * and the steps. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "comm_stream.h"

enum { WIDTH = 9 };

/* A row is known from its number, and so is its length. */
static uint64_t length_of(uint64_t row, bool fixed) {
    uint64_t x = mix64(row);
    return fixed         ? WIDTH
           : x % 4 == 0  ? 0
           : x % 50 == 1 ? 300
                         : x % 20; /* many of no items, few that are long */
}

static unsigned char byte_of(uint64_t row, uint64_t k) {
    return (unsigned char)(mix64(row << 24 ^ k) >> 56);
}

/* Rows [first, first + n), behind `before` others that do not travel. */
static struct records make_rows(uint64_t first, uint64_t n, uint64_t before, size_t item, bool fixed) {
    struct records r = {.n = n, .item = item, .width = fixed ? WIDTH : 0};
    uint64_t *offset = mem_zero(before + n + 1, sizeof *offset), total = before * WIDTH;
    for (uint64_t i = 0; i <= n; i++) {
        offset[i] = total;
        total += i < n ? length_of(first + i, fixed) : 0;
    }
    unsigned char *data = mem_alloc(total, item);
    for (uint64_t i = 0; i < n; i++)
        for (uint64_t k = 0; k < length_of(first + i, fixed) * item; k++)
            data[offset[i] * item + k] = byte_of(first + i, k);
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

/* Returns the portion's bytes. */
static uint64_t check_rows(const struct stream_portion *p, const struct records *mine, bool fixed) {
    uint64_t bytes = 0;
    CHECK(p->rows.item == mine->item && (p->rows.offset == NULL) == fixed);
    for (uint64_t i = 0; i < p->rows.n; i++) {
        uint64_t n = length_of(p->first + i, fixed);
        const unsigned char *row = records_row(&p->rows, i);
        CHECK(records_length(&p->rows, i) == n);
        bytes += n * mine->item;
        for (uint64_t k = 0; k < n * mine->item; k++)
            CHECK(row[k] == byte_of(p->first + i, k));
    }
    return bytes;
}

/* Who has how many rows, where they begin, how much at once. */
static void check_stream(struct comm *c, const uint64_t *start, uint64_t from, uint64_t step, uint64_t most,
                         size_t item, bool fixed) {
    int rank = comm_rank(c);
    uint64_t before = rank == 1 ? 5 : 0, next = from, end = start[comm_size(c)], longest = 300 * item;
    struct records mine = make_rows(start[rank], start[rank + 1] - start[rank], before, item, fixed);
    struct stream *stream = comm_stream_begin(c, start, &mine, from, step, most);
    struct stream_portion p;
    double done, share;
    while (comm_stream_next(stream, &p, &done, &share)) {
        CHECK(p.first == next && p.rows.n > 0);
        CHECK(p.first / step == (p.first + p.rows.n - 1) / step);
        CHECK(check_rows(&p, &mine, fixed) <= most + longest);
        CHECK(done >= 0 && done + share < 1 + 1e-9);
        next += p.rows.n;
    }
    comm_stream_end(stream);
    CHECK(next == end);
    free_rows(&mine, before);
}

static void check_streams(struct comm *c, const uint64_t *rows) {
    const uint64_t most[] = {1, 100, 4096, 1 << 20}, steps[] = {1, 20, 64, 1 << 20};
    uint64_t *start = mem_zero((uint64_t)comm_size(c) + 1, sizeof *start);
    for (int r = 0; r < comm_size(c); r++)
        start[r + 1] = start[r] + rows[r];
    uint64_t all = start[comm_size(c)];
    for (size_t k = 0; k < sizeof most / sizeof *most; k++)
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++)
            for (size_t item = 4; item <= 8; item += 4) {
                uint64_t from = all / steps[s] / 2 * steps[s];
                check_stream(c, start, 0, steps[s], most[k], item, false);
                check_stream(c, start, from, steps[s], most[k], item, true);
                check_stream(c, start, all, steps[s], most[k], item, false);
            }
    free(start);
}

static void test_even(struct comm *c) {
    uint64_t rows[64];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = 30;
    check_streams(c, rows);
}

static void test_uneven(struct comm *c) {
    uint64_t rows[64];
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = r % 2 ? 0 : 7 + 40 * (uint64_t)r;
    check_streams(c, rows);
    for (int r = 0; r < comm_size(c); r++)
        rows[r] = r == comm_size(c) - 1;
    check_streams(c, rows);
}

static void test_none(struct comm *c) {
    uint64_t rows[64] = {0};
    check_streams(c, rows);
}

int main(int argc, char **argv) {
    struct comm *c = comm_start(&argc, &argv);
    RUN(test_even, c);
    RUN(test_uneven, c);
    RUN(test_none, c);
    comm_finish(c);
    return 0;
}
