/* What the hash functions and bands of a run are drawn from. */
#ifndef LSHJOIN_DRAWING_H
#define LSHJOIN_DRAWING_H

#include <stdint.h>

struct drawing {
    uint32_t bands, rows;
    uint32_t pool;   /* hash values that the bands share; 0: each has `rows` of its own */
    uint32_t probes; /* of a band, at most the family's probes(rows) */
    uint64_t seed;
    double width; /* of a bucket of p-stable hashing, in units of the data */
    double norm;  /* of the longest record of the job, where the family needs it */
};

/* Hash values of a record. */
static inline uint32_t drawing_values(const struct drawing *d) {
    return d->pool ? d->pool : d->bands * d->rows;
}

/* Which of the pool's values each band is made of: pick[bands][rows], every band a random set of `rows` <=
 * pool of them (rising), independent of the other bands and of everything that is drawn from the seed
 * elsewhere. NULL without a pool: the bands' values follow each other. To free. */
uint32_t *drawing_picks(const struct drawing *d);

#endif
