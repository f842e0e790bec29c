/* The law of banding: with what probability a pair is found that agrees in each hash value with probability
 * p.
 *
 * What is computed here decides which bands a plan has, and with them which pairs are found. So there is
 * nothing in it but the operations that IEEE 754 rounds exactly; probabilities from libm, whose last bits
 * differ between processors, are rounded down first (law_certain). */
#ifndef LSHJOIN_LAW_H
#define LSHJOIN_LAW_H

#include <stdint.h>

#include "lshjoin/drawing.h"

/* A probability cut to 30 bits: so much of it is the same everywhere. */
double law_certain(double p);

/* x^n. */
double law_power(double x, uint32_t n);

/* 1 - (1 - band)^bands: found in one of so many independent bands, in each with probability `band`. */
double law_any(double band, uint32_t bands);

/* Found by bands, rows, pool and cut of d, without probes. Plain: 1 - (1 - p^rows)^bands (Broder 1997; Indyk
 * and Motwani 1998). Of m pooled values, bands being independent random sets of them: the sum over f of
 * Binom(f; m, p) * (1 - (1 - C(f, rows) / C(m, rows))^bands), f from `cut` on. Plain with a cut: that at
 * least so many of the m agree, less that they do and no band is whole. */
double law_found(const struct drawing *d, double p);

/* The same for many p. Where bands were left out with the data in view, the law of a pool is that of the
 * bands that were drawn: in which share of random sets of f values a whole band is, estimated by LAW_ORDERS
 * random orders of the pool, with a standard error of .005 at most. */
enum { LAW_ORDERS = 1 << 13 };

struct law {
    const struct drawing *drawing; /* borrowed */
    double *found; /* [pool + 1] of a pair that agrees in f values; NULL where bands share none */
};

struct law law_create(const struct drawing *d);
void law_free(struct law *l);
double law_at(const struct law *l, double p);

/* The least number of bands, from d->bands on, that finds a pair of agreement p with probability `recall` or
 * more; 0 where up to `most` do not. */
uint32_t law_least_bands(struct drawing d, double p, double recall, uint32_t most);

/* pmf[f], f = 0 .. m: the probability that f of m values agree, Binom(f; m, p). */
void law_agreeing(uint32_t m, double p, double *pmf);

#endif
