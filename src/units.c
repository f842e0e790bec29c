#include "lshjoin/units.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

struct units {
    struct pool *pool;
    size_t item;
    uint64_t n;
    _Atomic uint64_t next;    /* the first that nobody has taken; past n when all are */
    _Atomic uint64_t n_found; /* by all threads, in this call */
    struct finds *found;      /* [threads] */
    uint64_t most;
    units_fn *work;
    void *ctx;
};

void *finds_room(struct finds *f, uint64_t n) {
    if (f->n + n > f->capacity) {
        f->capacity = 2 * (f->n + n) + 1024;
        f->items = mem_grow(f->items, f->capacity, f->item);
    }
    return (char *)f->items + f->n * f->item;
}

struct units *units_create(struct pool *pool, size_t item) {
    struct units *u = mem_zero(1, sizeof *u);
    u->pool = pool;
    u->item = item;
    u->found = mem_zero((uint64_t)pool_threads(pool), sizeof *u->found);
    for (int t = 0; t < pool_threads(pool); t++)
        u->found[t].item = item;
    return u;
}

void units_free(struct units *u) {
    for (int t = 0; t < pool_threads(u->pool); t++)
        free(u->found[t].items);
    free(u->found);
    free(u);
}

void units_begin(struct units *u, uint64_t n) {
    u->n = n;
    atomic_store(&u->next, 0);
}

static void work_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)lo, (void)hi; /* every thread takes units as long as there is room */
    struct units *u = ctx;
    struct finds *found = &u->found[thread];
    while (atomic_load_explicit(&u->n_found, memory_order_relaxed) < u->most) {
        uint64_t unit = atomic_fetch_add_explicit(&u->next, 1, memory_order_relaxed), before = found->n;
        if (unit >= u->n)
            return;
        u->work(u->ctx, unit, thread, found);
        atomic_fetch_add_explicit(&u->n_found, found->n - before, memory_order_relaxed);
    }
}

/* All threads' items, in the first one's list. */
static struct finds *gather(struct units *u) {
    struct finds *all = u->found;
    for (int t = 1; t < pool_threads(u->pool); t++) {
        const struct finds *more = &u->found[t];
        if (more->n > 0)
            memcpy(finds_room(all, more->n), more->items, more->n * u->item);
        all->n += more->n;
        all->looked += more->looked;
    }
    return all;
}

void *units_next(struct units *u, uint64_t most, units_fn *work, void *ctx, uint64_t *n, uint64_t *looked) {
    uint64_t threads = (uint64_t)pool_threads(u->pool);
    for (uint64_t t = 0; t < threads; t++)
        u->found[t].n = u->found[t].looked = 0;
    u->most = most;
    u->work = work;
    u->ctx = ctx;
    atomic_store(&u->n_found, 0);
    pool_for(u->pool, min_u64(threads, u->n), 1, work_some, u);
    const struct finds *all = gather(u);
    *n = all->n;
    *looked += all->looked;
    return all->items;
}

bool units_left(const struct units *u) {
    return u->next < u->n;
}

double units_share(const struct units *u) {
    return u->n ? (double)min_u64(u->next, u->n) / (double)u->n : 1;
}
