/* What the hash functions and bands of a run are drawn from. */
#ifndef LSHJOIN_DRAWING_H
#define LSHJOIN_DRAWING_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/sizes.h"

enum { DRAWING_MOST_LEFT_OUT = 64 };

/* Bands of their own for the pairs whose right set is `step` classes of size above the left one (tiers.h). */
struct tier {
    int32_t step;
    uint32_t first, bands, rows, pool; /* the number of the first among all bands; the rest as in a drawing */
    double ratio;                      /* elements of a right set for each of the left one, at most */
    double takers;                     /* sets that ask or store in it, expected */
};

struct drawing {
    uint32_t bands, rows;
    /* Where these are a part of a run's bands (drawing_part): the number of the first, and of all; else 0. */
    uint32_t first_band, all_bands;
    uint32_t pool;   /* hash values that the bands share; 0: each has `rows` of its own */
    uint32_t probes; /* of a band, at most the family's probes(rows) */
    /* Where bands read sketches (sketch.h) of `pool` symbols: the family's symbol_bits, else 0; and in how
     * many symbols a candidate agrees at least. */
    uint32_t symbol_bits, cut;
    uint64_t seed;
    double width;        /* of a bucket of p-stable hashing, in units of the data */
    double norm;         /* of the longest record of the job, where the family needs it */
    double ratio;        /* elements that right sets have for each of a left one, at most, where it matters */
    uint64_t most_items; /* elements of the largest set of the job, where sketches are made */
    /* Of containment: the tiers that all bands are in, of the most rows that `rows` says, and which classes
     * of size the left and the right sets have, a bit each. No tiers: all meet in all bands. */
    uint32_t n_tiers;
    uint64_t classes[2];
    struct tier tier[SIZE_STEPS];
    /* Of the bands that are drawn from a pool, one after the other, those of these numbers, rising, are left
     * out: `bands` are kept. */
    uint32_t n_left_out;
    uint16_t left_out[DRAWING_MOST_LEFT_OUT];
};

/* Hash values of a record; and the number of the first of them among all that the run draws. */
uint32_t drawing_values(const struct drawing *d);
uint32_t drawing_first_value(const struct drawing *d);

static inline uint32_t drawing_all_bands(const struct drawing *d) {
    return d->all_bands ? d->all_bands : d->bands;
}

/* Bands [band, band_end) of all, whose hash functions are the same. */
static inline struct drawing drawing_part(const struct drawing *d, uint32_t band, uint32_t band_end) {
    struct drawing part = *d;
    part.first_band = band;
    part.all_bands = d->bands;
    part.bands = band_end - band;
    return part;
}

/* Those of its bands that are in a tier, as a drawing without tiers; of none where none are. */
struct drawing drawing_of_tier(const struct drawing *d, const struct tier *t);

/* Whether no value is shared: the pool, if there is one, has enough for all bands. */
static inline bool drawing_is_plain(const struct drawing *d) {
    return !d->pool || ((uint64_t)drawing_all_bands(d) + d->n_left_out) * d->rows <= d->pool;
}

/* Which of the pool's values each band is made of: pick[bands][rows]. Where there are enough, they follow
 * each other; else every band is a random set of `rows` <= pool of them (rising), independent of the other
 * bands and of everything that is drawn from the seed elsewhere. Bands left out take their turn all the same.
 * NULL without a pool. To free. */
uint32_t *drawing_picks(const struct drawing *d);

#endif
