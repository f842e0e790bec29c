#include <stdlib.h>
#include <string.h>

#include "comm_mpi.h"

/* A portion goes like this: ask for the next rows (few enough that an owner asked by everyone stays within
 * bounds), learn how long they are, take of them as many as fit, tell the owners how many, and let these
 * move, a window a call. */
struct fetch {
    struct comm *c;
    const struct shard *shard;
    const struct records *records; /* what this rank answers from */
    const uint64_t *rows;
    uint64_t n, next;      /* rows asked for; the first that has not come */
    uint64_t most_rows;    /* to ask for at once */
    uint64_t most, window; /* items: of a portion; from one rank to another in one call */
    struct records portion;
    uint64_t data_capacity, offset_capacity;
};

/* What one portion takes; arrays are [ranks]. */
struct trade {
    uint64_t *n_ask, *ask_at;     /* rows asked of each owner, and where they stand in the request */
    uint64_t *n_asked, *asked_at; /* the same of each requester, in `asked` */
    uint32_t *asked;              /* local numbers of the rows asked of this rank */
    uint32_t *length;             /* [asked for] items of each */
    uint64_t *rows_in, *items_in,
        *in_at;                     /* of each owner: rows taken, items still to come, where the next goes */
    uint64_t *rows_out, *items_out; /* to each requester: rows taken, items still to go */
    uint64_t *row_out, *item_out;   /* the row that goes next, and its next item */
};

struct fetch *comm_fetch_begin(struct comm *c, const struct shard *shard, const struct records *records,
                               const uint64_t *rows, uint64_t n, uint64_t most) {
    struct fetch *f = mem_zero(1, sizeof *f);
    uint64_t size = (uint64_t)c->size;
    *f = (struct fetch){.c = c, .shard = shard, .records = records, .rows = rows, .n = n};
    f->most_rows = max_u64(1, most / size / sizeof(uint32_t));
    f->most = most / records->item;
    f->window = max_u64(1, f->most / size);
    f->portion = (struct records){.item = records->item};
    return f;
}

/* Requests for the next n rows: local numbers at their owners, in the order of rows. */
static uint32_t *make_request(const struct fetch *f, struct trade *t, uint64_t n) {
    uint32_t *request = mem_alloc(n, sizeof *request);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t row = shard_absolute(f->shard, f->c->rank, f->rows[f->next + i]);
        int owner = shard_rank(f->shard, row);
        if (t->n_ask[owner]++ == 0)
            t->ask_at[owner] = i;
        request[i] = (uint32_t)(row - f->shard->start[owner]);
    }
    return request;
}

static void ask(const struct fetch *f, struct trade *t, uint64_t n) {
    uint32_t *request = make_request(f, t, n);
    comm_counts(f->c, t->n_ask, t->n_asked, 1);
    uint64_t n_asked = comm_places(t->n_asked, f->c->size, t->asked_at);
    t->asked = mem_alloc(n_asked, sizeof *t->asked);
    comm_alltoallv(f->c, sizeof *request, request, t->n_ask, t->ask_at, t->asked, t->n_asked, t->asked_at);
    free(request);

    uint32_t *answer = mem_alloc(n_asked, sizeof *answer);
    for (uint64_t i = 0; i < n_asked; i++)
        answer[i] = (uint32_t)records_length(f->records, t->asked[i]);
    t->length = mem_alloc(n, sizeof *t->length);
    comm_alltoallv(f->c, sizeof *answer, answer, t->n_asked, t->asked_at, t->length, t->n_ask, t->ask_at);
    free(answer);
}

/* Choose the rows of the portion out of the n asked for, and make room for them. */
static void open_portion(struct fetch *f, const uint32_t *length, uint64_t n) {
    struct records *p = &f->portion;
    uint64_t items = 0;
    for (p->n = 0; p->n < n && (p->n == 0 || items + length[p->n] <= f->most); p->n++)
        items += length[p->n];
    if (p->n + 1 > f->offset_capacity) {
        f->offset_capacity = p->n + 1;
        p->offset = mem_grow(p->offset, f->offset_capacity, sizeof *p->offset);
    }
    if (items > f->data_capacity || !p->data) {
        free(p->data);
        f->data_capacity = items;
        p->data = mem_alloc(items, p->item);
    }
    p->offset[0] = 0;
    for (uint64_t i = 0; i < p->n; i++)
        p->offset[i + 1] = p->offset[i] + length[i];
}

/* What comes from each owner and where it goes in the portion; then what goes to each requester. */
static void plan(const struct fetch *f, struct trade *t) {
    const struct records *p = &f->portion;
    for (int r = 0; r < f->c->size; r++) {
        uint64_t first = min_u64(t->ask_at[r], p->n), last = min_u64(t->ask_at[r] + t->n_ask[r], p->n);
        t->rows_in[r] = last - first;
        t->in_at[r] = p->offset[first];
        t->items_in[r] = p->offset[last] - p->offset[first];
    }
    comm_counts(f->c, t->rows_in, t->rows_out, 1);
    for (int r = 0; r < f->c->size; r++)
        for (uint64_t i = 0; i < t->rows_out[r]; i++)
            t->items_out[r] += records_length(f->records, t->asked[t->asked_at[r] + i]);
}

/* Pack the next n items for a rank, across rows. */
static void pack(const struct fetch *f, struct trade *t, int to, uint64_t n, char *packed) {
    size_t item = f->records->item;
    while (n > 0) {
        uint32_t row = t->asked[t->asked_at[to] + t->row_out[to]];
        uint64_t left = records_length(f->records, row) - t->item_out[to], piece = min_u64(left, n);
        memcpy(packed, (const char *)records_row(f->records, row) + t->item_out[to] * item, piece * item);
        packed += piece * item;
        n -= piece;
        t->item_out[to] += piece;
        if (piece == left) {
            t->row_out[to]++;
            t->item_out[to] = 0;
        }
    }
}

/* Move the portion; `calls` is the same on all ranks. */
static void move(const struct fetch *f, struct trade *t, uint64_t calls) {
    uint64_t size = (uint64_t)f->c->size;
    char *packed = mem_alloc(size * f->window, f->records->item);
    uint64_t *n_out = mem_alloc(3 * size, sizeof *n_out), *out_at = n_out + size, *n_in = out_at + size;
    for (; calls > 0; calls--) {
        for (int r = 0; r < f->c->size; r++) {
            n_in[r] = min_u64(f->window, t->items_in[r]);
            n_out[r] = min_u64(f->window, t->items_out[r]);
        }
        comm_places(n_out, f->c->size, out_at);
        for (int r = 0; r < f->c->size; r++)
            pack(f, t, r, n_out[r], packed + out_at[r] * f->records->item);
        comm_alltoallv(f->c, f->records->item, packed, n_out, out_at, f->portion.data, n_in, t->in_at);
        for (int r = 0; r < f->c->size; r++) {
            t->in_at[r] += n_in[r];
            t->items_in[r] -= n_in[r];
            t->items_out[r] -= n_out[r];
        }
    }
    free(n_out);
    free(packed);
}

bool comm_fetch_next(struct fetch *f, uint64_t *first, const struct records **portion) {
    uint64_t size = (uint64_t)f->c->size, left = f->n - f->next, n = min_u64(left, f->most_rows), calls = 0;
    comm_max(f->c, &left, 1);
    if (left == 0)
        return false;
    uint64_t *a = mem_zero(11 * size, sizeof *a);
    struct trade t = {.n_ask = a, .ask_at = a + size, .n_asked = a + 2 * size, .asked_at = a + 3 * size};
    t.rows_in = a + 4 * size, t.items_in = a + 5 * size, t.in_at = a + 6 * size;
    t.rows_out = a + 7 * size, t.items_out = a + 8 * size, t.row_out = a + 9 * size,
    t.item_out = a + 10 * size;
    ask(f, &t, n);
    open_portion(f, t.length, n);
    plan(f, &t);
    for (uint64_t r = 0; r < size; r++)
        calls = max_u64(calls, (t.items_out[r] + f->window - 1) / f->window);
    comm_max(f->c, &calls, 1);
    move(f, &t, calls);
    free(t.asked);
    free(t.length);
    free(a);
    *first = f->next;
    *portion = &f->portion;
    f->next += f->portion.n;
    return true;
}

void comm_fetch_end(struct fetch *f) {
    records_free(&f->portion);
    free(f);
}
