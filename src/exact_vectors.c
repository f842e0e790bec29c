/* Exact joins of vectors: tiles of products, looked through by the sieve as they are made. */
#include <stdlib.h>

#include "exact_method.h"
#include "lshjoin/base.h"
#include "lshjoin/product.h"

enum { STRIP = 2048 }; /* moving rows that meet a panel at once: enough to pay for packing it */

/* A panel of rows that stay, packed by a thread. */
struct panel {
    float *image; /* [width][PRODUCT_PANEL] */
    float base[PRODUCT_PANEL], size[PRODUCT_PANEL];
    uint64_t first, n;
};

struct vectors {
    float *image; /* [rows][width] of the block */
    float *offset, *weight;
    struct panel *panel; /* [threads] */
    int threads;
    uint64_t capacity; /* rows that the arrays of the block have room for */
    const struct exact_plan *plan;
    const struct exact_meeting *meeting;
};

static void *create(const struct exact_plan *plan) {
    struct vectors *v = mem_zero(1, sizeof *v);
    v->plan = plan;
    v->threads = pool_threads(plan->pool);
    v->panel = mem_zero((uint64_t)v->threads, sizeof *v->panel);
    for (int t = 0; t < v->threads; t++)
        v->panel[t].image = mem_alloc(plan->sieve->width * PRODUCT_PANEL, sizeof(float));
    return v;
}

static void free_block(struct vectors *v) {
    free(v->image);
    free(v->offset);
    free(v->weight);
}

static void destroy(void *state) {
    struct vectors *v = state;
    for (int t = 0; t < v->threads; t++)
        free(v->panel[t].image);
    free(v->panel);
    free_block(v);
    free(v);
}

static void image_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct vectors *v = ctx;
    const struct sieve *s = v->plan->sieve;
    for (uint64_t i = lo; i < hi; i++) {
        struct image x =
            sieve_image(s, records_row(&v->meeting->moving.records, i), v->image + i * s->width, 1);
        v->offset[i] = sieve_offset(s, x);
        v->weight[i] = sieve_weight(s, x);
    }
}

static uint64_t panels_of(const struct exact_meeting *m) {
    return (m->stay_end + PRODUCT_PANEL - 1) / PRODUCT_PANEL;
}

/* Strip by strip, so that limits which pairs of the first ones set hold for all panels. */
static uint64_t begin(void *state, const struct exact_plan *plan, const struct exact_meeting *meeting) {
    struct vectors *v = state;
    uint64_t n = meeting->moving.records.n;
    v->meeting = meeting;
    if (n > v->capacity) {
        free_block(v);
        v->capacity = n;
        v->image = mem_alloc(n * plan->sieve->width, sizeof *v->image);
        v->offset = mem_alloc(n, sizeof *v->offset);
        v->weight = mem_alloc(n, sizeof *v->weight);
    }
    pool_for(plan->pool, n, 256, image_some, v);
    return panels_of(meeting) * ((n + STRIP - 1) / STRIP);
}

/* The stricter one of the threshold and the row's own limit. */
static double limit_of(const struct exact_plan *plan, uint64_t row) {
    double limit = plan->threshold.value;
    if (!plan->limit)
        return limit;
    bool is_stricter = plan->family->smaller_is_nearer ? plan->limit[row] < limit : plan->limit[row] > limit;
    return is_stricter ? plan->limit[row] : limit;
}

static void pack(const struct exact_plan *plan, uint64_t first, uint64_t n, struct panel *p) {
    p->first = first;
    p->n = n;
    for (uint64_t k = 0; k < PRODUCT_PANEL; k++) { /* missing rows repeat the last */
        uint64_t row = first + min_u64(k, n - 1);
        struct image y =
            sieve_image(plan->sieve, records_row(&plan->stay.records, row), p->image + k, PRODUCT_PANEL);
        p->base[k] = sieve_base(plan->sieve, y, limit_of(plan, row));
        p->size[k] = y.size;
    }
}

static uint64_t low_bits(uint64_t n) {
    return n < 64 ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
}

/* The rows of the panel that may pair with a moving row. */
static uint64_t partners(const struct exact_plan *plan, const struct exact_meeting *m, const struct panel *p,
                         uint64_t moving) {
    uint64_t first = plan->stay.first + p->first, number = m->moving.first + moving;
    uint64_t bits = low_bits(p->n), place = number - first; /* huge if it is below */
    if (m->among)
        bits &= number <= first ? 0 : low_bits(place);
    if (m->unequal && place < PRODUCT_PANEL)
        bits &= ~((uint64_t)1 << place);
    return bits;
}

/* The pairs of a moving row that passed are looked at in truth. */
static void decide(const struct exact_plan *plan, const struct exact_meeting *m, const struct panel *p,
                   uint64_t moving, uint64_t bits, struct exact_found *found) {
    const struct records *a = &plan->stay.records, *b = &m->moving.records;
    for (; bits; bits &= bits - 1) {
        uint64_t row = p->first + (uint64_t)__builtin_ctzll(bits);
        double value, limit = plan->limit ? plan->limit[row] : 0;
        if (!plan->family->verify(&plan->threshold, records_row(a, row), a->width, records_row(b, moving),
                                  b->width, a->item, &value))
            continue;
        if (!plan->limit || (plan->family->smaller_is_nearer ? value <= limit : value >= limit))
            exact_add(found, row, moving, value);
    }
}

static void work(void *state, const struct exact_plan *plan, const struct exact_meeting *m, uint64_t unit,
                 int thread, struct exact_found *found) {
    struct vectors *v = state;
    const struct sieve *s = plan->sieve;
    struct panel *p = &v->panel[thread];
    uint64_t strip = unit / panels_of(m) * STRIP, end = min_u64(m->moving.records.n, strip + STRIP);
    uint64_t first = unit % panels_of(m) * PRODUCT_PANEL, n = min_u64(PRODUCT_PANEL, m->stay_end - first);
    float product[PRODUCT_ROWS * PRODUCT_PANEL];
    if (m->among && m->moving.first + end <= plan->stay.first + first + 1)
        return; /* not one of them is behind the panel */
    pack(plan, first, n, p);
    for (uint64_t i = strip; i < end; i += PRODUCT_ROWS) {
        uint64_t rows = min_u64(PRODUCT_ROWS, end - i);
        product_panel(s->simd, v->image + i * s->width, rows, s->width, p->image, PRODUCT_PANEL, product,
                      PRODUCT_PANEL);
        for (uint64_t r = 0; r < rows; r++) {
            uint64_t may = partners(plan, m, p, i + r);
            uint64_t bits = sieve_pass(s, product + r * PRODUCT_PANEL, p->base, p->size, v->weight[i + r],
                                       v->offset[i + r]);
            found->comparisons += (uint64_t)__builtin_popcountll(may);
            if (bits & may)
                decide(plan, m, p, i + r, bits & may, found);
        }
    }
}

const struct exact_method exact_vectors = {create, destroy, begin, work};
