#include "comm_ring.h"

#include <stdlib.h>

#include "comm_mpi.h"

enum { HEAD, LENGTHS, DATA, KINDS }; /* of messages, and their tags */

/* What tells of a portion ahead of it. */
struct head {
    uint64_t first, rows;
};

/* A portion on its way in. */
struct arrival {
    struct head head;
    uint32_t *length; /* [most_rows] */
    uint64_t *offset; /* [most_rows + 1] */
    void *data;       /* [most_items] */
};

struct ring {
    struct comm *c;
    struct records rows;
    int distance;
    uint64_t *cut, cuts; /* portion p holds rows [cut[p], cut[p+1]) */
    uint64_t portions;   /* of the rank that has most */
    uint64_t most_rows, most_items;
    MPI_Datatype type;
    struct arrival arrival[2];
    struct head head; /* of what is sent */
    uint32_t *length;
    MPI_Request request[2 * KINDS];
    uint64_t step; /* that comes next: portion by portion, distance by distance */
};

/* Where the portions end. */
static void cut(struct ring *r, uint64_t most) {
    uint64_t capacity = 16, row = 0;
    r->cut = mem_alloc(capacity, sizeof *r->cut);
    r->cut[0] = 0;
    while (row < r->rows.n) {
        uint64_t first = row, items = 0;
        do
            items += records_length(&r->rows, row++);
        while (row < r->rows.n && row - first < UINT32_MAX / 2 &&
               (items + records_length(&r->rows, row)) * r->rows.item +
                       (row - first + 1) * sizeof(uint32_t) <=
                   most);
        if (r->cuts + 2 > capacity)
            r->cut = mem_grow(r->cut, capacity *= 2, sizeof *r->cut);
        r->cut[++r->cuts] = row;
        r->most_rows = max_u64(r->most_rows, row - first);
        r->most_items = max_u64(r->most_items, items);
    }
}

static void open_arrival(const struct ring *r, struct arrival *a) {
    a->data = mem_alloc(r->most_items, r->rows.item);
    if (!r->rows.offset)
        return;
    a->length = mem_alloc(r->most_rows, sizeof *a->length);
    a->offset = mem_alloc(r->most_rows + 1, sizeof *a->offset);
}

static struct head head_of(const struct ring *r, uint64_t portion) {
    if (portion >= r->cuts)
        return (struct head){r->rows.n, 0};
    return (struct head){r->cut[portion], r->cut[portion + 1] - r->cut[portion]};
}

static int around(const struct ring *r, int steps) {
    return (r->c->rank + steps + r->c->size) % r->c->size;
}

static void post_sends(struct ring *r, uint64_t portion, int to) {
    MPI_Request *q = r->request;
    r->head = head_of(r, portion);
    uint64_t items = 0;
    for (uint64_t i = 0; i < r->head.rows; i++) {
        uint64_t length = records_length(&r->rows, r->head.first + i);
        items += length;
        if (r->length)
            r->length[i] = (uint32_t)length;
    }
    r->c->bytes_sent += items * r->rows.item;
    comm_call(MPI_Isend, &r->head, sizeof r->head, MPI_BYTE, to, HEAD, r->c->mpi, &q[HEAD]);
    if (r->length)
        comm_call(MPI_Isend, r->length, comm_int(r->head.rows, "rows"), MPI_UINT32_T, to, LENGTHS, r->c->mpi,
                  &q[LENGTHS]);
    const void *data = r->head.rows ? records_row(&r->rows, r->head.first) : NULL;
    comm_call(MPI_Isend, data, comm_int(items, "items"), r->type, to, DATA, r->c->mpi, &q[DATA]);
}

static void post_receives(struct ring *r, struct arrival *a, int from) {
    MPI_Request *q = r->request + KINDS;
    comm_call(MPI_Irecv, &a->head, sizeof a->head, MPI_BYTE, from, HEAD, r->c->mpi, &q[HEAD]);
    if (r->length)
        comm_call(MPI_Irecv, a->length, comm_int(r->most_rows, "rows"), MPI_UINT32_T, from, LENGTHS,
                  r->c->mpi, &q[LENGTHS]);
    comm_call(MPI_Irecv, a->data, comm_int(r->most_items, "items"), r->type, from, DATA, r->c->mpi, &q[DATA]);
}

static uint64_t steps_of(const struct ring *r) {
    return r->portions * ((uint64_t)r->distance + 1);
}

/* Let the portion of this step go on its way, if it travels. */
static void post(struct ring *r, uint64_t step) {
    uint64_t places = (uint64_t)r->distance + 1;
    int distance = (int)(step % places);
    if (step >= steps_of(r) || distance == 0)
        return;
    post_receives(r, &r->arrival[step % 2], around(r, -distance));
    post_sends(r, step / places, around(r, distance));
}

struct ring *comm_ring_begin(struct comm *c, const struct records *rows, int distance, uint64_t most) {
    struct ring *r = mem_zero(1, sizeof *r);
    *r = (struct ring){.c = c, .rows = *rows, .distance = distance};
    for (int k = 0; k < 2 * KINDS; k++)
        r->request[k] = MPI_REQUEST_NULL;
    cut(r, most);
    uint64_t largest[] = {r->cuts, r->most_rows, r->most_items};
    comm_max(c, largest, 3);
    r->portions = largest[0], r->most_rows = largest[1], r->most_items = largest[2];
    r->type = comm_type(rows->item);
    if (distance > 0) {
        open_arrival(r, &r->arrival[0]);
        open_arrival(r, &r->arrival[1]);
        r->length = rows->offset ? mem_alloc(r->most_rows, sizeof *r->length) : NULL;
    }
    post(r, 0);
    return r;
}

/* Own rows, where they are. */
static struct records own(const struct ring *r, struct head h) {
    struct records rows = r->rows;
    rows.n = h.rows;
    if (rows.offset)
        rows.offset += h.first;
    else if (h.rows > 0)
        rows.data = (char *)rows.data + h.first * rows.width * rows.item;
    return rows;
}

static struct records arrived(const struct ring *r, const struct arrival *a) {
    struct records rows = r->rows;
    rows.n = a->head.rows;
    rows.data = a->data;
    rows.offset = a->offset;
    for (uint64_t i = 0; i <= rows.n && rows.offset; i++)
        rows.offset[i] = i ? rows.offset[i - 1] + a->length[i - 1] : 0;
    return rows;
}

bool comm_ring_next(struct ring *r, struct ring_block *block, double *done, double *share) {
    uint64_t places = (uint64_t)r->distance + 1, step = r->step++;
    if (step >= steps_of(r))
        return false;
    comm_call(MPI_Waitall, 2 * KINDS, r->request, MPI_STATUSES_IGNORE);
    post(r, step + 1);
    int distance = (int)(step % places);
    const struct arrival *a = &r->arrival[step % 2];
    struct head head = distance ? a->head : head_of(r, step / places);
    *block = (struct ring_block){.from = around(r, -distance), .distance = distance, .first = head.first};
    block->rows = distance ? arrived(r, a) : own(r, head);
    *share = 1 / (double)steps_of(r);
    *done = (double)step * *share;
    return true;
}

void comm_ring_end(struct ring *r) {
    comm_call(MPI_Waitall, 2 * KINDS, r->request, MPI_STATUSES_IGNORE);
    MPI_Type_free(&r->type);
    for (int k = 0; k < 2; k++) {
        free(r->arrival[k].length);
        free(r->arrival[k].offset);
        free(r->arrival[k].data);
    }
    free(r->length);
    free(r->cut);
    free(r);
}
