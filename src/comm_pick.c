#include <stdlib.h>
#include <string.h>

#include "comm_mpi.h"

enum { AHEAD = 16 }; /* rows that memory is asked for before they are copied */

static void copy_rows(const struct records *r, const uint32_t *rows, uint64_t n, char *out) {
    size_t bytes = r->width * r->item;
    for (uint64_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch(records_row(r, rows[i + AHEAD]));
        memcpy(out + i * bytes, records_row(r, rows[i]), bytes);
    }
}

/* What a stretch of the wanted rows takes; arrays are [ranks]. */
struct pick {
    uint64_t *n_ask, *ask_at, *n_asked, *asked_at;
    uint32_t *request; /* local numbers at their owners, by owner */
    uint64_t *place;   /* of each request in the stretch */
};

static void sort_by_owner(const struct shard *s, const uint64_t *rows, uint64_t n, struct pick *p) {
    uint64_t *next = mem_alloc((uint64_t)s->ranks, sizeof *next);
    int *owner = mem_alloc(n, sizeof *owner);
    for (uint64_t i = 0; i < n; i++)
        p->n_ask[owner[i] = shard_rank(s, rows[i])]++;
    comm_places(p->n_ask, s->ranks, p->ask_at);
    memcpy(next, p->ask_at, (uint64_t)s->ranks * sizeof *next);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = next[owner[i]]++;
        p->request[at] = (uint32_t)(rows[i] - s->start[owner[i]]);
        p->place[at] = i;
    }
    free(owner);
    free(next);
}

static void pick_stretch(struct comm *c, const struct shard *s, const struct records *records,
                         const uint64_t *rows, uint64_t n, char *out) {
    uint64_t size = (uint64_t)c->size;
    size_t bytes = records->width * records->item;
    struct pick p = {.n_ask = mem_zero(4 * size, sizeof *p.n_ask),
                     .request = mem_alloc(n, sizeof *p.request),
                     .place = mem_alloc(n, sizeof *p.place)};
    p.ask_at = p.n_ask + size, p.n_asked = p.ask_at + size, p.asked_at = p.n_asked + size;
    sort_by_owner(s, rows, n, &p);
    comm_counts(c, p.n_ask, p.n_asked, 1);
    uint64_t n_asked = comm_places(p.n_asked, c->size, p.asked_at);
    uint32_t *asked = mem_alloc(n_asked, sizeof *asked);
    comm_alltoallv(c, sizeof *asked, p.request, p.n_ask, p.ask_at, asked, p.n_asked, p.asked_at);
    char *answer = mem_alloc(n_asked, bytes), *came = mem_alloc(n, bytes);
    copy_rows(records, asked, n_asked, answer);
    comm_alltoallv(c, bytes, answer, p.n_asked, p.asked_at, came, p.n_ask, p.ask_at);
    for (uint64_t i = 0; i < n; i++)
        memcpy(out + p.place[i] * bytes, came + i * bytes, bytes);
    free(came);
    free(answer);
    free(asked);
    free(p.place);
    free(p.request);
    free(p.n_ask);
}

/* In how many stretches, so that no rank asks for, or is asked for, more than `most` bytes at once, if each
 * rank's rows are spread evenly over its stretches. */
static uint64_t count_stretches(struct comm *c, const struct shard *s, const uint64_t *rows, uint64_t n,
                                uint64_t most) {
    uint64_t *n_ask = mem_zero(2 * (uint64_t)c->size, sizeof *n_ask), *n_asked = n_ask + c->size, asked = 0;
    for (uint64_t i = 0; i < n; i++)
        n_ask[shard_rank(s, rows[i])]++;
    comm_counts(c, n_ask, n_asked, 1);
    for (int r = 0; r < c->size; r++)
        asked += n_asked[r];
    free(n_ask);
    uint64_t stretches = max_u64(n, asked) / max_u64(1, most) + 1;
    comm_max(c, &stretches, 1);
    return stretches;
}

void comm_pick(struct comm *c, const struct shard *s, const struct records *records, const uint64_t *rows,
               uint64_t n, uint64_t most, void *out) {
    size_t bytes = records->width * records->item;
    if (c->size == 1) {
        for (uint64_t i = 0; i < n; i++) {
            if (i + AHEAD < n)
                __builtin_prefetch(records_row(records, rows[i + AHEAD]));
            memcpy((char *)out + i * bytes, records_row(records, rows[i]), bytes);
        }
        return;
    }
    uint64_t stretches = count_stretches(c, s, rows, n, most / bytes);
    for (uint64_t k = 0; k < stretches; k++) {
        uint64_t first = n / stretches * k + min_u64(k, n % stretches);
        uint64_t length = n / stretches + (k < n % stretches);
        pick_stretch(c, s, records, rows + first, length, (char *)out + first * bytes);
    }
}
