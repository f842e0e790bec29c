#include "lshjoin/exact.h"

#include <stdlib.h>

#include "exact_method.h"
#include "lshjoin/base.h"

struct exact {
    struct exact_plan plan;
    const struct exact_method *method;
    void *state;
    struct exact_meeting meeting;
    struct units *units;
    uint64_t comparisons;
};

void exact_add(struct finds *f, uint64_t stay, uint64_t moving, double value) {
    *(struct exact_pair *)finds_room(f, 1) = (struct exact_pair){(uint32_t)stay, (uint32_t)moving, value};
    f->n++;
}

struct exact *exact_create(const struct exact_plan *plan) {
    struct exact *x = mem_zero(1, sizeof *x);
    x->plan = *plan;
    x->method = plan->family->is_of_vectors ? &exact_vectors
                : plan->family->is_weighted ? &exact_weighted
                                            : &exact_sets;
    x->units = units_create(plan->pool, sizeof(struct exact_pair));
    x->state = x->method->create(&x->plan);
    return x;
}

void exact_free(struct exact *x) {
    x->method->destroy(x->state);
    units_free(x->units);
    free(x);
}

void exact_meet(struct exact *x, const struct exact_meeting *meeting) {
    x->meeting = *meeting;
    units_begin(x->units, x->method->begin(x->state, &x->plan, &x->meeting));
}

static void work(void *ctx, uint64_t unit, int thread, struct finds *found) {
    struct exact *x = ctx;
    x->method->work(x->state, &x->plan, &x->meeting, unit, thread, found);
}

const struct exact_pair *exact_next(struct exact *x, uint64_t most, uint64_t *n, bool *more) {
    const struct exact_pair *pairs = units_next(x->units, most, work, x, n, &x->comparisons);
    *more = units_left(x->units);
    return pairs;
}

double exact_share(const struct exact *x) {
    return units_share(x->units);
}

uint64_t exact_comparisons(const struct exact *x) {
    return x->comparisons;
}
