#include <stdlib.h>
#include <string.h>

#include "comm_mpi.h"

/* Requests and lengths are exchanged once, at the beginning; each portion then needs only the number of rows
 * that every requester takes next. A reply travels in windows: at most `window` items from one rank to
 * another in one call. */
struct fetch {
    struct comm *c;
    const struct records *records; /* what this rank answers from */
    uint64_t most, window;

    uint64_t n, next; /* rows asked for; the first that has not come */
    uint64_t *n_ask,
        *ask_at;      /* [size] of each owner: how many are asked for, and where they stand in the request */
    uint32_t *length; /* [n] items of each */
    uint64_t *n_asked, *asked_at; /* [size] the same of each requester, in `asked` */
    uint32_t *asked;              /* local numbers of the rows asked of this rank */
    uint64_t *served;             /* [size] of each requester: rows sent */

    struct records portion;
    uint64_t data_capacity, offset_capacity;
};

/* Fill n_ask and ask_at and return the request: local numbers at the owners, in the order of rows. */
static uint32_t *make_request(struct fetch *f, const struct shard *shard, const uint64_t *rows) {
    uint32_t *request = mem_alloc(f->n, sizeof *request);
    for (uint64_t i = 0; i < f->n; i++) {
        uint64_t row = shard_absolute(shard, f->c->rank, rows[i]);
        int owner = shard_rank(shard, row);
        if (f->n_ask[owner]++ == 0)
            f->ask_at[owner] = i;
        request[i] = (uint32_t)(row - shard->start[owner]);
    }
    return request;
}

/* Tell every requester how long its rows are. */
static void exchange_lengths(struct fetch *f, uint64_t n_asked) {
    f->length = mem_alloc(f->n, sizeof *f->length);
    uint32_t *answer = mem_alloc(n_asked, sizeof *answer);
    for (uint64_t i = 0; i < n_asked; i++)
        answer[i] = (uint32_t)records_length(f->records, f->asked[i]);
    comm_alltoallv(f->c, sizeof *answer, answer, f->n_asked, f->asked_at, f->length, f->n_ask, f->ask_at);
    free(answer);
}

struct fetch *comm_fetch_begin(struct comm *c, const struct shard *shard, const struct records *records,
                               const uint64_t *rows, uint64_t n, uint64_t most) {
    struct fetch *f = mem_zero(1, sizeof *f);
    uint64_t size = (uint64_t)c->size;
    *f = (struct fetch){.c = c, .records = records, .n = n, .most = most};
    f->window = max_u64(1, most / size / records->item);
    f->n_ask = mem_zero(5 * size, sizeof *f->n_ask);
    f->ask_at = f->n_ask + size;
    f->n_asked = f->ask_at + size;
    f->asked_at = f->n_asked + size;
    f->served = f->asked_at + size;
    f->portion = (struct records){.item = records->item};

    uint32_t *request = make_request(f, shard, rows);
    comm_counts(c, f->n_ask, f->n_asked, 1);
    uint64_t n_asked = 0;
    for (uint64_t r = 0; r < size; r++) {
        f->asked_at[r] = n_asked;
        n_asked += f->n_asked[r];
    }
    f->asked = mem_alloc(n_asked, sizeof *f->asked);
    comm_alltoallv(c, sizeof *request, request, f->n_ask, f->ask_at, f->asked, f->n_asked, f->asked_at);
    free(request);
    exchange_lengths(f, n_asked);
    return f;
}

/* Choose the rows of the next portion and make room for them. */
static void open_portion(struct fetch *f) {
    struct records *p = &f->portion;
    uint64_t most = f->most / p->item, items = 0, end = f->next;
    while (end < f->n && (end == f->next || items + f->length[end] <= most))
        items += f->length[end++];
    p->n = end - f->next;
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
        p->offset[i + 1] = p->offset[i] + f->length[f->next + i];
}

/* One direction of a portion: for every rank what is to move. */
struct lane {
    uint64_t *rows;  /* of each rank in this portion */
    uint64_t *items; /* of each rank, still to move */
    uint64_t *at;    /* receiving: where its next item goes; sending: items of its current row already sent */
    uint64_t *row;   /* sending: rows already sent */
};

/* What comes from each owner, and where it goes in the portion. */
static void plan_receive(const struct fetch *f, struct lane *in) {
    uint64_t end = f->next + f->portion.n;
    for (int r = 0; r < f->c->size; r++) {
        uint64_t first = max_u64(f->ask_at[r], f->next), last = min_u64(f->ask_at[r] + f->n_ask[r], end);
        in->rows[r] = first < last ? last - first : 0;
        if (in->rows[r] == 0)
            continue;
        in->at[r] = f->portion.offset[first - f->next];
        in->items[r] = f->portion.offset[last - f->next] - in->at[r];
    }
}

static void plan_send(const struct fetch *f, struct lane *out) {
    for (int r = 0; r < f->c->size; r++) {
        const uint32_t *row = f->asked + f->asked_at[r] + f->served[r];
        for (uint64_t i = 0; i < out->rows[r]; i++)
            out->items[r] += records_length(f->records, row[i]);
    }
}

/* Pack the next n items for a rank, across rows. */
static void pack(struct fetch *f, struct lane *out, int to, uint64_t n, char *packed) {
    const uint32_t *asked = f->asked + f->asked_at[to] + f->served[to];
    while (n > 0) {
        uint32_t row = asked[out->row[to]];
        uint64_t left = records_length(f->records, row) - out->at[to], piece = min_u64(left, n);
        memcpy(packed, (const char *)records_row(f->records, row) + out->at[to] * f->records->item,
               piece * f->records->item);
        packed += piece * f->records->item;
        n -= piece;
        out->at[to] += piece;
        if (piece == left) {
            out->row[to]++;
            out->at[to] = 0;
        }
    }
}

/* Move the portion, a window a call; `calls` is the same on all ranks. */
static void move_portion(struct fetch *f, struct lane *out, struct lane *in, uint64_t calls) {
    uint64_t size = (uint64_t)f->c->size;
    char *packed = mem_alloc(size * f->window, f->records->item);
    uint64_t *n_out = mem_alloc(3 * size, sizeof *n_out), *out_at = n_out + size, *n_in = out_at + size;
    for (; calls > 0; calls--) {
        uint64_t sum = 0;
        for (int r = 0; r < f->c->size; r++) {
            n_in[r] = min_u64(f->window, in->items[r]);
            n_out[r] = min_u64(f->window, out->items[r]);
            out_at[r] = sum;
            sum += n_out[r];
            pack(f, out, r, n_out[r], packed + out_at[r] * f->records->item);
        }
        comm_alltoallv(f->c, f->records->item, packed, n_out, out_at, f->portion.data, n_in, in->at);
        for (int r = 0; r < f->c->size; r++) {
            in->at[r] += n_in[r];
            in->items[r] -= n_in[r];
            out->items[r] -= n_out[r];
        }
    }
    free(n_out);
    free(packed);
}

bool comm_fetch_next(struct fetch *f, uint64_t *first, const struct records **portion) {
    uint64_t size = (uint64_t)f->c->size, left = f->n - f->next;
    comm_max(f->c, &left, 1);
    if (left == 0)
        return false;
    open_portion(f);
    uint64_t *seven = mem_zero(7 * size, sizeof *seven), calls = 0;
    struct lane in = {seven, seven + size, seven + 2 * size, NULL};
    struct lane out = {seven + 3 * size, seven + 4 * size, seven + 5 * size, seven + 6 * size};
    plan_receive(f, &in);
    comm_counts(f->c, in.rows, out.rows, 1);
    plan_send(f, &out);
    for (uint64_t r = 0; r < size; r++)
        calls = max_u64(calls, (out.items[r] + f->window - 1) / f->window);
    comm_max(f->c, &calls, 1);
    move_portion(f, &out, &in, calls);
    for (uint64_t r = 0; r < size; r++)
        f->served[r] += out.rows[r];
    free(seven);
    *first = f->next;
    *portion = &f->portion;
    f->next += f->portion.n;
    return true;
}

void comm_fetch_end(struct fetch *f) {
    records_free(&f->portion);
    free(f->asked);
    free(f->length);
    free(f->n_ask);
    free(f);
}
