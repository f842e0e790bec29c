#include "lshjoin/coarse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

/* Products stay below 2^28, squares of the scale at 2^26, and so limits below 2^28 and halves below 2^27:
 * sums of all of them, and of two rows left out, fit 32 bits. */
static const double most_scale = 0x1p13, most_product = 0x1p28, unit = 0x1p-24;
static const int32_t out_of_reach = 3 << 28; /* even the largest other sums */

void coarse_box(const struct sieve *s, const struct records *r, double *box) {
    float *image = mem_alloc(s->width, sizeof *image);
    for (uint64_t k = 0; k < 2 * s->width; k++)
        box[k] = -INFINITY;
    for (uint64_t i = 0; i < r->n; i++) {
        sieve_image(s, records_row(r, i), image, 1);
        if (isnan(image[0])) /* left out */
            continue;
        for (uint64_t k = 0; k < s->width; k++) {
            double x = image[k];
            box[k] = x > box[k] ? x : box[k];
            box[s->width + k] = -x > box[s->width + k] ? -x : box[s->width + k];
        }
    }
    free(image);
}

/* Images are rounded, which keeps the order of numbers. */
void coarse_box_of(const struct sieve *s, double *box) {
    double scale = s->passes_all ? 0 : s->scale;
    for (uint64_t k = 0; k < s->width; k++) {
        double middle = s->middle ? s->middle[k] : 0;
        box[k] = (double)(float)((box[k] - middle) * scale);
        box[s->width + k] = -(double)(float)((-box[s->width + k] - middle) * scale);
    }
}

/* The nearest whole number (or nearly: what it is off is measured) of one that images and scales can give. */
static int32_t whole(double x) {
    return (int32_t)(x + (2 * most_scale + 0.5)) - (int32_t)(2 * most_scale);
}

struct coarse coarse_create(const struct sieve *s, const double *box, bool vnni) {
    struct coarse c = {.sieve = *s, .quads = (s->width + PRODUCT8_QUAD - 1) / PRODUCT8_QUAD, .vnni = vnni};
    double extent = 0;
    for (uint64_t k = 0; k < s->width; k++)
        extent = fmax(extent, box[k] + box[s->width + k]);
    c.most = (int32_t)fmin(127, sqrt(most_product / (double)s->width));
    c.scale = fmin(most_scale, 2 * (c.most - 1) / extent); /* middle and image are rounded */
    c.middle = mem_zero(c.quads * PRODUCT8_QUAD, sizeof *c.middle);
    for (uint64_t k = 0; k < s->width; k++)
        if (isfinite(box[k]))
            c.middle[k] = whole((box[k] - box[s->width + k]) / 2 * c.scale);
    return c;
}

void coarse_free(struct coarse *c) {
    free(c->middle);
    *c = (struct coarse){0};
}

/* Sums over an image's coordinates: of its numbers and their squares, of the squares of the errors and of
 * what was rounded. In lanes, so that they need not wait for each other. */
struct sums {
    int32_t number[PRODUCT8_QUAD], square[PRODUCT8_QUAD];
    double error[PRODUCT8_QUAD], exact[PRODUCT8_QUAD];
};

static inline void add_quad(struct sums *s, const float *image, double scale, const int32_t *middle,
                            int8_t *out) {
    for (int k = 0; k < PRODUCT8_QUAD; k++) {
        double x = (double)image[k] * scale;
        int32_t near = whole(x), q = near - middle[k];
        double error = x - (double)near;
        s->number[k] += q;
        s->square[k] += q * q;
        s->error[k] += error * error;
        s->exact[k] += x * x;
        out[k] = (int8_t)q;
    }
}

struct coarse_image coarse_image(const struct coarse *c, const float *image, int8_t *out, uint64_t stride) {
    const uint64_t whole_quads = c->sieve.width / PRODUCT8_QUAD, rest = c->sieve.width % PRODUCT8_QUAD;
    struct sums s = {0};
    if (isnan(image[0])) { /* left out */
        for (uint64_t q = 0; q < c->quads; q++)
            memset(out + q * stride, 0, PRODUCT8_QUAD);
        return (struct coarse_image){.half = out_of_reach};
    }
    for (uint64_t q = 0; q < whole_quads; q++)
        add_quad(&s, image + q * PRODUCT8_QUAD, c->scale, c->middle + q * PRODUCT8_QUAD, out + q * stride);
    if (rest) {
        float last[PRODUCT8_QUAD] = {0};
        memcpy(last, image + whole_quads * PRODUCT8_QUAD, rest * sizeof *last);
        add_quad(&s, last, c->scale, c->middle + whole_quads * PRODUCT8_QUAD, out + whole_quads * stride);
    }
    double error = (s.error[0] + s.error[1]) + (s.error[2] + s.error[3]);
    double exact = (s.exact[0] + s.exact[1]) + (s.exact[2] + s.exact[3]);
    int32_t square = s.square[0] + s.square[1] + s.square[2] + s.square[3];
    float a = (float)(sqrt(error) * (1 + 4 * unit) + 4 * unit);
    double less = (c->sieve.kind == SIEVE_DISTANCE ? 0 : exact) + 2 * (double)a * (double)a;
    return (struct coarse_image){.half = (int32_t)floor((square - less) / 2),
                                 .sum = s.number[0] + s.number[1] + s.number[2] + s.number[3],
                                 .error = a};
}

/* Limits that nobody or everybody reaches anyway are cut to what 32 bits hold. */
struct coarse_limit coarse_limit(const struct coarse *c, double limit) {
    const struct sieve *s = &c->sieve;
    double square = c->scale * c->scale;
    if (s->kind == SIEVE_DISTANCE) {
        double radius = s->passes_all ? 2 : fmin(2, limit * s->scale * (1 + 4 * unit) + 4 * unit);
        return (struct coarse_limit){radius * radius * square / 2, radius * c->scale};
    }
    double least = s->passes_all ? -4 : fmin(4, fmax(-4, limit * s->scale * s->scale));
    return (struct coarse_limit){(8 * unit - least) * square,
                                 sqrt(fmax(0, 2 - 2 * least + 16 * unit)) * c->scale};
}

int32_t coarse_start(struct coarse_image y, struct coarse_limit limit) {
    return (int32_t)ceil(limit.half + limit.reach * (double)y.error) - y.half;
}

void coarse_offsets(const struct coarse_image *x, uint64_t n, float reach, int32_t *offset) {
    for (uint64_t i = 0; i < n; i++)
        offset[i] = (int32_t)(reach * x[i].error * (1 + 8 * (float)unit)) + 1 - x[i].half;
}
