#include "comm_stream.h"

#include <stdlib.h>
#include <string.h>

#include "comm_mpi.h"

struct stream {
    struct comm *c;
    const uint64_t *start;
    struct records rows;       /* this rank's */
    uint64_t from, cuts, *cut; /* portion p holds rows [cut[p], cut[p+1]); the last is the end */
    uint64_t next;
    struct records room; /* of a portion that is not all of one rank's */
    uint32_t *length;    /* [room.n] */
    uint64_t rows_capacity, items_capacity;
};

static uint64_t bytes_of(const struct records *r, uint64_t row) {
    return records_length(r, row) * r->item + (r->offset ? sizeof(uint32_t) : 0);
}

/* Every rank finds where, among its rows, portions begin: at a step, and at a row in whose bytes, counted
 * from the first row of all, there is a multiple of `most`. */
static void cut(struct stream *s, uint64_t step, uint64_t most) {
    const struct records *r = &s->rows;
    uint64_t first = s->start[s->c->rank], sum = 0, n = 0, capacity = 0, *mine = NULL, all,
             end = s->start[s->c->size];
    for (uint64_t row = 0; row < r->n; row++)
        sum += bytes_of(r, row);
    uint64_t at = comm_sum_before(s->c, sum);
    for (uint64_t row = 0; row < r->n; row++) {
        uint64_t bytes = bytes_of(r, row), number = first + row;
        bool begins = number % step == 0 || (at + most - 1) / most * most < at + bytes;
        at += bytes;
        if (number < s->from || !(begins || number == s->from))
            continue;
        if (n == capacity)
            mine = mem_grow(mine, capacity = 2 * capacity + 16, sizeof *mine);
        mine[n++] = number;
    }
    s->cut = comm_gather(s->c, sizeof *mine, mine, n, 0, &all, &s->cuts);
    s->cut = mem_grow(s->cut, s->cuts + 1, sizeof *s->cut);
    s->cut[s->cuts] = end;
    free(mine);
}

struct stream *comm_stream_begin(struct comm *c, const uint64_t *start, const struct records *rows,
                                 uint64_t from, uint64_t step, uint64_t most) {
    struct stream *s = mem_zero(1, sizeof *s);
    *s = (struct stream){.c = c, .start = start, .rows = *rows, .from = from};
    cut(s, step, most);
    s->room = (struct records){.item = rows->item, .width = rows->width};
    return s;
}

/* n of this rank's rows, from its number `skip` on, where they are. */
static struct records own(const struct stream *s, uint64_t skip, uint64_t n) {
    struct records rows = s->rows;
    rows.n = n;
    if (rows.offset)
        rows.offset += skip;
    else if (n > 0)
        rows.data = (char *)rows.data + skip * rows.width * rows.item;
    return rows;
}

static void make_room(struct stream *s, uint64_t n) {
    s->room.n = n;
    if (n <= s->rows_capacity || !s->rows.offset)
        return;
    s->rows_capacity = n;
    s->length = mem_grow(s->length, n, sizeof *s->length);
    s->room.offset = mem_grow(s->room.offset, n + 1, sizeof *s->room.offset);
}

/* What rank `owner` has of rows [first, first + n): *skip of its own rows before them, *at of the portion. */
static uint64_t part_of(const struct stream *s, int owner, uint64_t first, uint64_t n, uint64_t *skip,
                        uint64_t *at) {
    uint64_t lo = max_u64(first, s->start[owner]), hi = min_u64(first + n, s->start[owner + 1]);
    *skip = lo - s->start[owner];
    *at = lo - first;
    return lo < hi ? hi - lo : 0;
}

static void share(struct stream *s, int owner, const void *mine, void *room, uint64_t bytes) {
    if (owner == s->c->rank) {
        memcpy(room, mine, bytes);
        s->c->bytes_sent += bytes * (uint64_t)(s->c->size - 1);
    }
    comm_broadcast_from(s->c, owner, room, bytes);
}

/* Lengths of all rows, and from them where each begins. */
static void share_lengths(struct stream *s, uint64_t first, uint64_t n) {
    uint64_t skip, at;
    for (int owner = 0; owner < s->c->size; owner++) {
        uint64_t part = part_of(s, owner, first, n, &skip, &at);
        for (uint64_t i = 0; i < part && owner == s->c->rank; i++)
            s->length[at + i] = (uint32_t)records_length(&s->rows, skip + i);
        comm_broadcast_from(s->c, owner, s->length + at, part * sizeof *s->length);
    }
    s->room.offset[0] = 0;
    for (uint64_t i = 0; i < n; i++)
        s->room.offset[i + 1] = s->room.offset[i] + s->length[i];
}

/* From each rank that has some of these rows, one after the other. */
static void share_rows(struct stream *s, uint64_t first, uint64_t n) {
    uint64_t skip, at;
    make_room(s, n);
    if (s->rows.offset)
        share_lengths(s, first, n);
    uint64_t items = records_items(&s->room);
    if (items > s->items_capacity || !s->room.data) {
        free(s->room.data);
        s->items_capacity = items;
        s->room.data = mem_alloc(items, s->room.item);
    }
    for (int owner = 0; owner < s->c->size; owner++) {
        uint64_t part = part_of(s, owner, first, n, &skip, &at);
        if (part == 0)
            continue;
        const char *begin = records_row(&s->room, at);
        uint64_t bytes =
            (s->rows.offset ? s->room.offset[at + part] - s->room.offset[at] : part * s->room.width) *
            s->room.item;
        share(s, owner, owner == s->c->rank ? records_row(&s->rows, skip) : NULL, (char *)(uintptr_t)begin,
              bytes);
    }
}

bool comm_stream_next(struct stream *s, struct stream_portion *p, double *done, double *share_of) {
    if (s->next == s->cuts)
        return false;
    uint64_t first = s->cut[s->next], n = s->cut[s->next + 1] - first;
    if (s->c->size == 1) {
        *p = (struct stream_portion){first, own(s, first, n)};
    } else {
        share_rows(s, first, n);
        *p = (struct stream_portion){first, s->room};
    }
    uint64_t all = s->cut[s->cuts];
    *done = (double)first / (double)all;
    *share_of = (double)n / (double)all;
    s->next++;
    return true;
}

void comm_stream_end(struct stream *s) {
    free(s->room.offset);
    free(s->room.data);
    free(s->length);
    free(s->cut);
    free(s);
}
