/* A coarse sieve in front of the other (sieve.h): products of images of a byte a coordinate tell nearly all
 * pairs that miss a limit, and none that reaches it, at a quarter of the cost or less.
 *
 * Let X be the image of a record that sieve.h multiplies, in single precision, and u = 2^-24. With a scale s
 * of the job and whole numbers m, the middle of the box that holds all sX, the coarse image is Q = [sX] - m,
 * rounded, from -127 to 127. How far it is off, a >= |sX - m - Q|, is measured for each row. By the triangle
 * inequality, in which m cancels,
 *
 *     |Q_X - Q_Y| <= s|X - Y| + a_X + a_Y,
 *
 * and of a pair that reaches its limit, s|X - Y| is at most some rho: (s|X - Y| + a_X + a_Y)^2
 * <= s^2|X - Y|^2 + 2 rho (a_X + a_Y) + 2 a_X^2 + 2 a_Y^2. With |Q_X - Q_Y|^2 = |Q_X|^2 + |Q_Y|^2 - 2 Q_X.Q_Y
 * the pair reaches the limit only if
 *
 *     Q_X.Q_Y >= (half_X - rho a_X) + (half_Y - rho a_Y - half_limit),
 *
 * where half = (|Q|^2 - 2 a^2) / 2 and half_limit = rho^2 / 2 for a distance, rho = s (R/2H + 4u), as images
 * are off by u |X| <= u/2 each. For cosines and inner products, where X.Y >= t - 3u (t: S or S/M^2) and |X|,
 * |Y| <= 1 + 2u, half = (|Q|^2 - s^2|X|^2 - 2 a^2) / 2 and half_limit = s^2 (8u - t), for |X - Y|^2 = |X|^2 +
 * |Y|^2 - 2 X.Y, and rho = s sqrt(2 - 2t + 16u). Errors of double precision are far below these u for any
 * number of coordinates that sieve.h takes.
 *
 * Where pairs are near each other rho is small, so the bound is tighter than one on the product itself. Rows
 * that stay have limits of their own; rho a_X is then of the largest in a panel. All of it is rounded to
 * integers, to the side of passing. */
#ifndef LSHJOIN_COARSE_H
#define LSHJOIN_COARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/product8.h"
#include "lshjoin/sieve.h"

struct coarse {
    struct sieve sieve; /* a copy, which is not freed */
    uint64_t quads;     /* of coordinates in an image */
    double scale;
    int32_t *middle; /* [quads * PRODUCT8_QUAD] */
    int32_t most;    /* the largest number of an image */
    bool vnni;
};

/* For each coordinate of the images of `sieve_image` the most, and the most of its negative, into
 * box[2*width]; where there is none it stays -infinity. */
void coarse_box(const struct sieve *s, const struct records *r, double *box);

/* The same from the box of rows (sieve_box), where images are not those of a cosine. */
void coarse_box_of(const struct sieve *s, double *box);

/* box: that of all rows that images are made of. Free with coarse_free. */
struct coarse coarse_create(const struct sieve *s, const double *box, bool vnni);
void coarse_free(struct coarse *c);

/* What the bound needs of an image. */
struct coarse_image {
    int32_t half, sum; /* sum of its coordinates, for product8.h */
    float error;       /* a, or a little more */
};

/* The coarse image of an image, in quads that are `stride` bytes apart. That of a row left out, a NaN,
 * reaches nothing. */
struct coarse_image coarse_image(const struct coarse *c, const float *image, int8_t *out, uint64_t stride);

/* What the bound needs of a limit. */
struct coarse_limit {
    double half, reach; /* reach: rho */
};

struct coarse_limit coarse_limit(const struct coarse *c, double limit);

/* What is added to the products of a column, and of n rows that meet columns of at most this reach: where the
 * sum is below zero, the pair does not reach the limit. */
int32_t coarse_start(struct coarse_image y, struct coarse_limit limit);
void coarse_offsets(const struct coarse_image *x, uint64_t n, float reach, int32_t *offset);

#endif
