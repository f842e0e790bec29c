#include "lshjoin/vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/sketch.h"

void *vectors_create(const struct drawing *d, const struct records *like) {
    struct vector_signer *s = mem_alloc(1, sizeof *s);
    uint32_t m = drawing_values(d), first = drawing_first_value(d);
    uint32_t all = d->pool ? m : drawing_all_bands(d) * d->rows;
    *s = (struct vector_signer){.drawing = *d,
                                .project = project_part(first, m, like->width, d->seed, cpu_simd()),
                                .pick = drawing_picks(d),
                                .per_width = 1 / d->width};
    s->shift = mem_alloc(all, sizeof *s->shift);
    struct random r = {mix64(~d->seed)};
    for (uint32_t k = 0; k < all; k++)
        s->shift[k] = d->width * random_uniform(&r);
    memmove(s->shift, s->shift + first, m * sizeof *s->shift);
    for (int variant = 0; variant < 2; variant++) {
        double *extra = s->extra[variant] = mem_alloc(all, sizeof *extra);
        for (uint32_t k = 0; k < all; k++)
            extra[k] = random_normal(&r);
        memmove(extra, extra + first, m * sizeof *extra);
    }
    return s;
}

void vectors_destroy(void *signer) {
    struct vector_signer *s = signer;
    project_free(&s->project);
    free(s->pick);
    free(s->extra[0]);
    free(s->extra[1]);
    free(s->shift);
    free(s);
}

/* Those of rows [lo, hi) that are not left out, as floats in `room`: pairs[i] says whether row lo+i is one.
 * Returns how many. */
static uint64_t gather(const struct records *r, uint64_t lo, uint64_t hi, float *room, bool *pairs) {
    uint64_t n = 0;
    for (uint64_t row = lo; row < hi; row++) {
        pairs[row - lo] = !records_is_left_out(r, row);
        if (!pairs[row - lo])
            continue;
        float *to = room + n++ * r->width;
        const double *wide = records_row(r, row);
        if (r->item == sizeof(float))
            memcpy(to, wide, r->width * sizeof *to);
        for (uint64_t k = 0; r->item != sizeof(float) && k < r->width; k++)
            to[k] = (float)wide[k];
    }
    return n;
}

static bool any_left_out(const struct records *r, uint64_t lo, uint64_t hi) {
    while (lo < hi && !records_is_left_out(r, lo))
        lo++;
    return lo < hi;
}

/* [rows that pair][stride] of rows [lo, hi), to free: those of one row after the other, but of rows that are
 * left out, for which pairs[] is false. */
static float *products(const struct vector_signer *s, const struct records *r, uint64_t lo, uint64_t hi,
                       bool *pairs) {
    uint64_t n = hi - lo;
    bool as_they_are = r->item == sizeof(float) && !any_left_out(r, lo, hi);
    float *product = mem_alloc(n * project_stride(&s->project), sizeof *product);
    float *room = as_they_are ? NULL : mem_alloc(n * r->width, sizeof *room);
    if (as_they_are)
        memset(pairs, true, n);
    else
        n = gather(r, lo, hi, room, pairs);
    project_rows(&s->project, as_they_are ? records_row(r, lo) : room, n, product);
    free(room);
    return product;
}

void vectors_sketch(const struct vector_signer *s, const struct records *r, uint64_t lo, uint64_t hi,
                    uint64_t *words, bool *pairs, vector_bits *turn) {
    uint64_t n = hi - lo, stride = project_stride(&s->project), each = sketch_words(&s->drawing);
    float *all = products(s, r, lo, hi, pairs), *product = all;
    memset(words, 0, n * each * sizeof *words);
    for (uint64_t i = 0; i < n; i++)
        if (pairs[i]) {
            turn(s, product, words + i * each);
            product += stride;
        }
    free(all);
}

void vectors_sign(const struct vector_signer *s, const struct records *r, uint64_t lo, uint64_t hi,
                  uint64_t asking, uint32_t *words, uint64_t n_words, bool *pairs, vector_words *turn) {
    uint64_t n = hi - lo, stride = project_stride(&s->project), rows = s->drawing.rows;
    struct vector_work w = {.product = products(s, r, lo, hi, pairs),
                            .sum = mem_alloc(stride, sizeof *w.sum),
                            .bucket = mem_alloc(stride, sizeof *w.bucket),
                            .move = mem_alloc(2 * rows, sizeof *w.move),
                            .chosen = mem_alloc(rows, sizeof *w.chosen)};
    const float *product = w.product;
    for (uint64_t i = 0; i < n; i++) {
        w.asks = lo + i < asking;
        if (!pairs[i])
            continue;
        turn(s, &w, product, r, lo + i, words + i * n_words);
        product += stride;
    }
    probe_free(&w.probe);
    free(w.chosen);
    free(w.move);
    free(w.sum);
    free(w.bucket);
    free(w.product);
}

void vectors_probe(const struct vector_signer *s, struct vector_work *w, const struct vector_probing *probing,
                   const float *product, const uint32_t *base, uint32_t each, uint32_t *words) {
    const struct drawing *d = &s->drawing;
    for (uint32_t band = 0; band < d->bands && w->asks && d->probes > 0; band++, base += each) {
        probe_begin(&w->probe, w->move, probing->moves(s, product, band * d->rows, w->move), d->probes);
        for (uint32_t t = 0; t < d->probes; t++) {
            uint32_t *probed = words + ((uint64_t)t * d->bands + band) * each;
            memcpy(probed, base, each * sizeof *probed);
            for (uint32_t left = probe_next(&w->probe, w->chosen); left-- > 0;)
                probing->apply(probed, &w->move[w->chosen[left]]);
        }
    }
}

enum simd vectors_simd(void) {
    static _Atomic int known = -1;
    if (known < 0)
        known = (int)cpu_simd();
    return (enum simd)known;
}
