#include "lshjoin/exact.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "exact_method.h"
#include "lshjoin/base.h"

struct exact {
    struct exact_plan plan;
    const struct exact_method *method;
    void *state;
    struct exact_meeting meeting;
    uint64_t units, units_done, comparisons;
    bool *done;                /* [units] */
    struct exact_found *found; /* [threads] */
    uint64_t most;
    _Atomic uint64_t n_found; /* by all threads, in this call */
};

void exact_add(struct exact_found *f, uint64_t stay, uint64_t moving, double value) {
    if (f->n == f->capacity) {
        f->capacity = max_u64(1024, 2 * f->capacity);
        f->pair = mem_grow(f->pair, f->capacity, sizeof *f->pair);
    }
    f->pair[f->n++] = (struct exact_pair){(uint32_t)stay, (uint32_t)moving, value};
}

struct exact *exact_create(const struct exact_plan *plan) {
    struct exact *x = mem_zero(1, sizeof *x);
    x->plan = *plan;
    x->method = plan->family->is_of_vectors ? &exact_vectors : &exact_sets;
    x->found = mem_zero((uint64_t)pool_threads(plan->pool), sizeof *x->found);
    x->state = x->method->create(&x->plan);
    return x;
}

void exact_free(struct exact *x) {
    x->method->destroy(x->state);
    for (int t = 0; t < pool_threads(x->plan.pool); t++)
        free(x->found[t].pair);
    free(x->found);
    free(x->done);
    free(x);
}

void exact_meet(struct exact *x, const struct exact_meeting *meeting) {
    x->meeting = *meeting;
    x->units = x->method->begin(x->state, &x->plan, &x->meeting);
    x->units_done = 0;
    free(x->done);
    x->done = mem_zero(x->units, sizeof *x->done);
}

/* Units begin only while there is room; those that found none are done by another call. */
static void work_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct exact *x = ctx;
    struct exact_found *found = &x->found[thread];
    for (uint64_t unit = lo; unit < hi; unit++) {
        if (x->done[unit] || atomic_load_explicit(&x->n_found, memory_order_relaxed) >= x->most)
            continue;
        uint64_t before = found->n;
        x->method->work(x->state, &x->plan, &x->meeting, unit, thread, found);
        x->done[unit] = true;
        atomic_fetch_add_explicit(&x->n_found, found->n - before, memory_order_relaxed);
    }
}

/* All threads' pairs, in the first one's list. */
static struct exact_found *gather(struct exact *x) {
    struct exact_found *all = x->found;
    if (x->n_found > all->capacity) {
        all->capacity = x->n_found;
        all->pair = mem_grow(all->pair, all->capacity, sizeof *all->pair);
    }
    for (int t = 1; t < pool_threads(x->plan.pool); t++) {
        if (x->found[t].n > 0)
            memcpy(all->pair + all->n, x->found[t].pair, x->found[t].n * sizeof *all->pair);
        all->n += x->found[t].n;
    }
    return all;
}

const struct exact_pair *exact_next(struct exact *x, uint64_t most, uint64_t *n, bool *more) {
    int threads = pool_threads(x->plan.pool);
    for (int t = 0; t < threads; t++)
        x->found[t].n = 0;
    x->most = most;
    atomic_store(&x->n_found, 0);
    pool_for(x->plan.pool, x->units, 1, work_some, x);
    x->units_done = 0;
    for (uint64_t unit = 0; unit < x->units; unit++)
        x->units_done += x->done[unit];
    for (int t = 0; t < threads; t++) {
        x->comparisons += x->found[t].comparisons;
        x->found[t].comparisons = 0;
    }
    struct exact_found *all = gather(x);
    *n = all->n;
    *more = x->units_done < x->units;
    return all->pair;
}

double exact_share(const struct exact *x) {
    return x->units ? (double)x->units_done / (double)x->units : 1;
}

uint64_t exact_comparisons(const struct exact *x) {
    return x->comparisons;
}
