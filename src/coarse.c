#include "lshjoin/coarse.h"

#include <math.h>
#include <stdlib.h>

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
    c.middle = mem_zero(s->width, sizeof *c.middle);
    for (uint64_t k = 0; k < s->width; k++)
        if (isfinite(box[k]))
            c.middle[k] = whole((box[k] - box[s->width + k]) / 2 * c.scale);
    return c;
}

void coarse_free(struct coarse *c) {
    free(c->middle);
    *c = (struct coarse){0};
}

static int32_t number_at(const struct coarse *c, const float *image, uint64_t k, double *squares) {
    double x = image[k] * c->scale;
    int32_t q = whole(x) - c->middle[k];
    double error = x - (double)(q + c->middle[k]);
    *squares += error * error;
    return q;
}

struct coarse_image coarse_image(const struct coarse *c, const float *image, int8_t *out, uint64_t stride) {
    struct coarse_image x = {0};
    double errors = 0, own = 0, squares = 0;
    bool left_out = isnan(image[0]);
    for (uint64_t k = 0; k < c->quads * PRODUCT8_QUAD; k++) {
        int32_t q = left_out || k >= c->sieve.width ? 0 : number_at(c, image, k, &errors);
        out[k / PRODUCT8_QUAD * stride + k % PRODUCT8_QUAD] = (int8_t)q;
        x.sum += q;
        squares += (double)(q * q);
    }
    if (left_out)
        return (struct coarse_image){.half = out_of_reach};
    for (uint64_t k = 0; k < c->sieve.width && c->sieve.kind != SIEVE_DISTANCE; k++)
        own += (double)image[k] * (double)image[k];
    x.error = (float)(sqrt(errors) * (1 + 4 * unit) + 4 * unit);
    double a = x.error;
    x.half = (int32_t)floor((squares - own * c->scale * c->scale - 2 * a * a) / 2);
    return x;
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
