/* Exact joins of vectors: tiles of products, looked through by two sieves as they are made. */
#include <math.h>
#include <stdlib.h>

#include "exact_method.h"
#include "lshjoin/base.h"
#include "lshjoin/product.h"
#include "lshjoin/product8.h"

enum {
    PANEL = PRODUCT_PANEL,
    ROWS = PRODUCT_ROWS,
    STRIP = 2048, /* moving rows that meet a panel at once: enough to pay for preparing it */
    MANY = 8      /* more pairs of a tile are cheaper looked at by the other sieve than by verify */
};
_Static_assert((int)PANEL == PRODUCT8_PANEL && (int)ROWS == PRODUCT8_ROWS, "both sieves have the same tiles");

/* A panel of rows that stay, as a thread meets them with a strip. */
struct panel {
    uint64_t first, n;
    uint64_t active, diagonal; /* rows that the strip meets: all of it; the part of it behind them */
    int32_t start[PANEL], offset[STRIP];
    bool is_fine; /* what follows is there: few panels need it */
    float *image; /* [width][PANEL] */
    float base[PANEL], size[PANEL];
};

struct vectors {
    const struct exact_plan *plan;
    const struct exact_meeting *meeting;
    int threads;
    struct panel *panel; /* [threads] */
    /* Of the rows that stay, panel by panel, the last one filled up by rows that nobody reaches. */
    int8_t *stay;              /* [panels][quads][PANEL][PRODUCT8_QUAD] */
    struct coarse_image *told; /* [panels * PANEL] */
    int32_t *sum;              /* the same */
    struct coarse_limit limit; /* the threshold's */
    /* Of the rows of the block. */
    uint64_t capacity; /* rows that there is room for */
    float *image;      /* [rows][width] */
    float *offset, *weight;
    int8_t *coarse; /* [rows][quads][PRODUCT8_QUAD] */
    struct coarse_image *moving;
};

static uint64_t panels_of(uint64_t rows) {
    return (rows + PANEL - 1) / PANEL;
}

/* Bytes of a row in coarse images, and of a panel. */
static uint64_t row_bytes(const struct exact_plan *plan) {
    return plan->coarse->quads * PRODUCT8_QUAD;
}

static void stay_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct vectors *v = ctx;
    const struct exact_plan *plan = v->plan;
    float *image = v->panel[thread].image; /* not in use yet */
    for (uint64_t i = lo; i < hi; i++) {
        int8_t *out = v->stay + i / PANEL * PANEL * row_bytes(plan) + i % PANEL * PRODUCT8_QUAD;
        image[0] = NAN;
        if (i < plan->stay.records.n)
            sieve_image(plan->sieve, records_row(&plan->stay.records, i), image, 1);
        v->told[i] = coarse_image(plan->coarse, image, out, PANEL * PRODUCT8_QUAD);
        v->sum[i] = v->told[i].sum;
    }
}

static void *create(const struct exact_plan *plan) {
    struct vectors *v = mem_zero(1, sizeof *v);
    uint64_t rows = panels_of(plan->stay.records.n) * PANEL;
    v->plan = plan;
    v->threads = pool_threads(plan->pool);
    v->panel = mem_zero((uint64_t)v->threads, sizeof *v->panel);
    for (int t = 0; t < v->threads; t++)
        v->panel[t].image = mem_alloc(plan->sieve->width * PANEL, sizeof(float));
    v->stay = mem_alloc(rows, row_bytes(plan));
    v->told = mem_alloc(rows, sizeof *v->told);
    v->sum = mem_alloc(rows, sizeof *v->sum);
    v->limit = coarse_limit(plan->coarse, plan->threshold.value);
    pool_for(plan->pool, rows, PANEL, stay_some, v);
    return v;
}

static void free_block(struct vectors *v) {
    free(v->image);
    free(v->offset);
    free(v->weight);
    free(v->coarse);
    free(v->moving);
}

static void destroy(void *state) {
    struct vectors *v = state;
    for (int t = 0; t < v->threads; t++)
        free(v->panel[t].image);
    free(v->panel);
    free(v->stay);
    free(v->told);
    free(v->sum);
    free_block(v);
    free(v);
}

static void move_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct vectors *v = ctx;
    const struct exact_plan *plan = v->plan;
    const struct sieve *s = plan->sieve;
    for (uint64_t i = lo; i < hi; i++) {
        float *image = v->image + i * s->width;
        struct image x = sieve_image(s, records_row(&v->meeting->moving.records, i), image, 1);
        v->offset[i] = sieve_offset(s, x);
        v->weight[i] = sieve_weight(s, x);
        v->moving[i] = coarse_image(plan->coarse, image, v->coarse + i * row_bytes(plan), PRODUCT8_QUAD);
    }
}

/* Strips end at multiples of their length, as rows are numbered. */
static uint64_t strips_of(const struct exact_meeting *m) {
    uint64_t first = m->moving.first, n = m->moving.records.n;
    return n ? (first + n - 1) / STRIP - first / STRIP + 1 : 0;
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
        v->coarse = mem_alloc(n, row_bytes(plan));
        v->moving = mem_alloc(n, sizeof *v->moving);
    }
    pool_for(plan->pool, n, 256, move_some, v);
    return panels_of(plan->stay.records.n) * strips_of(meeting);
}

/* The stricter one of the threshold and the row's own limit. */
static double limit_of(const struct exact_plan *plan, uint64_t row) {
    double limit = plan->threshold.value;
    if (!plan->limit)
        return limit;
    bool is_stricter = plan->family->smaller_is_nearer ? plan->limit[row] < limit : plan->limit[row] > limit;
    return is_stricter ? plan->limit[row] : limit;
}

/* What the coarse sieve adds to products of this panel and rows [lo, hi) of the block. */
static void prepare(const struct vectors *v, uint64_t lo, uint64_t hi, struct panel *p) {
    double reach = 0;
    for (uint64_t k = 0; k < PANEL; k++) {
        uint64_t row = p->first + k;
        struct coarse_limit limit = v->limit;
        if (v->plan->limit && k < p->n)
            limit = coarse_limit(v->plan->coarse, limit_of(v->plan, row));
        reach = limit.reach > reach ? limit.reach : reach;
        p->start[k] = coarse_start(v->told[row], limit);
    }
    coarse_offsets(v->moving + lo, hi - lo, (float)reach, p->offset);
    p->is_fine = false;
}

static void pack(const struct exact_plan *plan, struct panel *p) {
    for (uint64_t k = 0; k < PANEL; k++) { /* missing rows repeat the last */
        uint64_t row = p->first + min_u64(k, p->n - 1);
        struct image y = sieve_image(plan->sieve, records_row(&plan->stay.records, row), p->image + k, PANEL);
        p->base[k] = sieve_base(plan->sieve, y, limit_of(plan, row));
        p->size[k] = y.size;
    }
    p->is_fine = true;
}

static uint64_t low_bits(uint64_t n) {
    return n < 64 ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
}

/* The rows of the panel that may pair with a moving row. */
static uint64_t partners(const struct exact_plan *plan, const struct exact_meeting *m, const struct panel *p,
                         uint64_t moving) {
    uint64_t first = plan->stay.first + p->first, number = m->moving.first + moving;
    uint64_t bits = p->active, place = number - first; /* huge if it is below */
    if (p->diagonal)
        bits |= p->diagonal & (number <= first ? 0 : low_bits(place));
    if (m->unequal && place < PANEL)
        bits &= ~((uint64_t)1 << place);
    return bits;
}

/* Rows of the panel that rows of the strip with this number meet. Where both sides are the same rows, they
 * meet either in this strip and that panel or the other way round: the lower ones stay and the higher ones
 * move where the sum of their strips' numbers is even, else the other way. So all that stays meets about half
 * of any strip. Within a strip the lower one stays. */
static void choose_rows(const struct exact_plan *plan, const struct exact_meeting *m, uint64_t strip,
                        struct panel *p) {
    uint64_t first = plan->stay.first + p->first;
    p->active = m->among ? 0 : low_bits(p->n);
    p->diagonal = 0;
    for (uint64_t k = 0; k < p->n && m->among; k++) {
        uint64_t own = (first + k) / STRIP, bit = (uint64_t)1 << k;
        if (own == strip)
            p->diagonal |= bit;
        else if ((own < strip) == ((own + strip) % 2 == 0))
            p->active |= bit;
    }
}

/* The pairs of a moving row that passed are looked at in truth. */
static void decide(const struct exact_plan *plan, const struct exact_meeting *m, const struct panel *p,
                   uint64_t moving, uint64_t bits, struct finds *found) {
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

/* Of the pairs of a tile that passed the coarse sieve, those that pass the other too. */
static void refine(const struct vectors *v, struct panel *p, uint64_t first, uint64_t rows, uint64_t *bits) {
    const struct sieve *s = v->plan->sieve;
    float product[ROWS * PANEL];
    if (!p->is_fine)
        pack(v->plan, p);
    product_panel(s->simd, v->image + first * s->width, rows, s->width, p->image, PANEL, product, PANEL);
    for (uint64_t r = 0; r < rows; r++)
        bits[r] &=
            sieve_pass(s, product + r * PANEL, p->base, p->size, v->weight[first + r], v->offset[first + r]);
}

/* A tile with pairs that the coarse sieve lets through. */
static void look(const struct vectors *v, struct panel *p, uint64_t first, uint64_t rows, uint64_t *bits,
                 struct finds *found) {
    int n = 0;
    for (uint64_t r = 0; r < rows; r++) {
        bits[r] &= partners(v->plan, v->meeting, p, first + r);
        n += __builtin_popcountll(bits[r]);
    }
    if (n > MANY)
        refine(v, p, first, rows, bits);
    for (uint64_t r = 0; r < rows; r++)
        decide(v->plan, v->meeting, p, first + r, bits[r], found);
}

/* How many pairs rows [lo, hi) of the block make with the panel. */
static uint64_t pairs_of(const struct exact_plan *plan, const struct exact_meeting *m, const struct panel *p,
                         uint64_t lo, uint64_t hi) {
    uint64_t first = plan->stay.first + p->first, n = 0;
    if (m->moving.first + lo >= first + PANEL || !(p->diagonal || m->unequal))
        return (uint64_t)__builtin_popcountll(p->active | p->diagonal) * (hi - lo);
    for (uint64_t i = lo; i < hi; i++)
        n += (uint64_t)__builtin_popcountll(partners(plan, m, p, i));
    return n;
}

/* Rows [lo, hi) of the block meet the panel. */
static void meet(const struct vectors *v, struct panel *p, uint64_t lo, uint64_t hi, struct finds *found) {
    const struct coarse *c = v->plan->coarse;
    struct panel8 panel = {v->stay + p->first * row_bytes(v->plan), v->sum + p->first, p->start};
    uint64_t bits[ROWS];
    prepare(v, lo, hi, p);
    for (uint64_t i = lo; i < hi; i += ROWS) {
        uint64_t rows = min_u64(ROWS, hi - i);
        const int8_t *x = v->coarse + i * row_bytes(v->plan);
        if (product8_reach(c->sieve.simd, c->vnni, &panel, x, rows, c->quads, p->offset + (i - lo), bits))
            look(v, p, i, rows, bits, found);
    }
    found->looked += pairs_of(v->plan, v->meeting, p, lo, hi);
}

static void work(void *state, const struct exact_plan *plan, const struct exact_meeting *m, uint64_t unit,
                 int thread, struct finds *found) {
    struct vectors *v = state;
    struct panel *p = &v->panel[thread];
    uint64_t panels = panels_of(plan->stay.records.n), strip = m->moving.first / STRIP + unit / panels;
    uint64_t lo = max_u64(strip * STRIP, m->moving.first) - m->moving.first;
    uint64_t hi = min_u64((strip + 1) * STRIP - m->moving.first, m->moving.records.n);
    p->first = unit % panels * PANEL;
    p->n = min_u64(PANEL, plan->stay.records.n - p->first);
    choose_rows(plan, m, strip, p);
    uint64_t number = plan->stay.first + p->first;
    if (!p->active && m->moving.first + lo < number) /* only rows behind the panel's first */
        lo = number - m->moving.first;
    if (lo < hi && (p->active || p->diagonal))
        meet(v, p, lo, hi, found);
}

const struct exact_method exact_vectors = {create, destroy, begin, work};
