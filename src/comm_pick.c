#include <stdlib.h>
#include <string.h>

#include "comm_mpi.h"

enum { AHEAD = 16 }; /* rows that memory is asked for before they are copied */

static inline __attribute__((always_inline)) void copy_each(const struct records *r, const uint32_t *rows,
                                                            uint64_t n, size_t bytes, char *out) {
    for (uint64_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch((const char *)r->data + rows[i + AHEAD] * bytes);
        memcpy(out + i * bytes, (const char *)r->data + rows[i] * bytes, bytes);
    }
}

/* What has a usual size is copied without a call for each. */
static void copy_rows(const struct records *r, const uint32_t *rows, uint64_t n, char *out) {
    size_t bytes = r->width * r->item;
    if (bytes == 64)
        copy_each(r, rows, n, 64, out);
    else if (bytes == 32)
        copy_each(r, rows, n, 32, out);
    else if (bytes == 4)
        copy_each(r, rows, n, 4, out);
    else
        copy_each(r, rows, n, bytes, out);
}

/* What a call takes of the wanted rows: every `step`-th; arrays are [ranks]. Rows of a bucket rise, so a
 * stretch of neighbours would be asked of one rank by all. */
struct pick {
    const uint64_t *rows;
    uint64_t n, step;
    uint64_t *n_ask, *ask_at, *n_asked, *asked_at;
    uint32_t *request; /* local numbers at their owners, by owner */
    uint64_t *place;   /* of each request among the rows */
};

static void sort_by_owner(const struct shard *s, struct pick *p) {
    uint64_t *next = mem_alloc((uint64_t)s->ranks, sizeof *next);
    for (uint64_t i = 0; i < p->n; i += p->step)
        p->n_ask[shard_rank(s, p->rows[i])]++;
    comm_places(p->n_ask, s->ranks, p->ask_at);
    memcpy(next, p->ask_at, (uint64_t)s->ranks * sizeof *next);
    for (uint64_t i = 0; i < p->n; i += p->step) {
        int owner = shard_rank(s, p->rows[i]);
        uint64_t at = next[owner]++;
        p->request[at] = (uint32_t)(p->rows[i] - s->start[owner]);
        p->place[at] = i;
    }
    free(next);
}

static void pick_some(struct comm *c, const struct shard *s, const struct records *records,
                      const uint64_t *rows, uint64_t n, uint64_t step, char *out) {
    uint64_t size = (uint64_t)c->size, n_rows = (n + step - 1) / step;
    size_t bytes = records->width * records->item;
    struct pick p = {.rows = rows,
                     .n = n,
                     .step = step,
                     .n_ask = mem_zero(4 * size, sizeof *p.n_ask),
                     .request = mem_alloc(n_rows, sizeof *p.request),
                     .place = mem_alloc(n_rows, sizeof *p.place)};
    p.ask_at = p.n_ask + size, p.n_asked = p.ask_at + size, p.asked_at = p.n_asked + size;
    sort_by_owner(s, &p);
    comm_counts(c, p.n_ask, p.n_asked, 1);
    uint64_t n_asked = comm_places(p.n_asked, c->size, p.asked_at);
    uint32_t *asked = mem_alloc(n_asked, sizeof *asked);
    comm_alltoallv(c, sizeof *asked, p.request, p.n_ask, p.ask_at, asked, p.n_asked, p.asked_at);
    char *answer = mem_alloc(n_asked, bytes), *came = mem_alloc(n_rows, bytes);
    copy_rows(records, asked, n_asked, answer);
    comm_alltoallv(c, bytes, answer, p.n_asked, p.asked_at, came, p.n_ask, p.ask_at);
    for (uint64_t i = 0; i < n_rows; i++)
        memcpy(out + p.place[i] * bytes, came + i * bytes, bytes);
    free(came);
    free(answer);
    free(asked);
    free(p.place);
    free(p.request);
    free(p.n_ask);
}

/* In how many calls, so that no rank asks for, or is asked for, many more than `most` rows at once. */
static uint64_t count_calls(struct comm *c, const struct shard *s, const uint64_t *rows, uint64_t n,
                            uint64_t most) {
    uint64_t *n_ask = mem_zero(2 * (uint64_t)c->size, sizeof *n_ask), *n_asked = n_ask + c->size, asked = 0;
    for (uint64_t i = 0; i < n; i++)
        n_ask[shard_rank(s, rows[i])]++;
    comm_counts(c, n_ask, n_asked, 1);
    for (int r = 0; r < c->size; r++)
        asked += n_asked[r];
    free(n_ask);
    uint64_t calls = max_u64(n, asked) / max_u64(1, most) + 1;
    comm_max(c, &calls, 1);
    return calls;
}

void comm_pick(struct comm *c, const struct shard *s, const struct records *records, const uint64_t *rows,
               uint64_t n, uint64_t most, void *out) {
    size_t bytes = records->width * records->item;
    if (c->size == 1) {
        uint32_t *local = mem_alloc(n, sizeof *local);
        for (uint64_t i = 0; i < n; i++)
            local[i] = (uint32_t)(rows[i] - s->start[0]);
        copy_rows(records, local, n, out);
        free(local);
        return;
    }
    uint64_t calls = count_calls(c, s, rows, n, most / bytes);
    for (uint64_t k = 0; k < calls; k++) {
        uint64_t first = min_u64(k, n);
        pick_some(c, s, records, rows + first, n - first, calls, (char *)out + first * bytes);
    }
}
