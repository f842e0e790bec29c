#include "lshjoin/law.h"

#include <stdlib.h>

#include "lshjoin/base.h"

double law_certain(double p) {
    return (double)(int64_t)(p * 0x1p30) * 0x1p-30;
}

double law_power(double x, uint32_t n) {
    double power = 1;
    for (; n > 0; n >>= 1, x *= x)
        if (n & 1)
            power *= x;
    return power;
}

double law_any(double band, uint32_t bands) {
    if (bands == 1)
        return band;
    if (band * bands < 1e-8) /* less than the subtraction below could tell; bands * band^2 is nothing then */
        return band * bands;
    return 1 - law_power(1 - band, bands);
}

/* From the likeliest number outwards, so that nothing underflows that matters; then to a sum of 1. */
void law_agreeing(uint32_t m, double p, double *pmf) {
    uint32_t mode = (uint32_t)min_u64(m, (uint64_t)(p * (m + 1.0)));
    double sum = 1;
    pmf[mode] = 1;
    for (uint32_t f = mode; f-- > 0; sum += pmf[f])
        pmf[f] = pmf[f + 1] * ((f + 1) * (1 - p)) / ((m - f) * p);
    for (uint32_t f = mode; f++ < m; sum += pmf[f])
        pmf[f] = pmf[f - 1] * ((m - f + 1) * p) / (f * (1 - p));
    for (uint32_t f = 0; f <= m; f++)
        pmf[f] /= sum;
}

static double found_pooled(const struct drawing *d, double p) {
    double *pmf = mem_alloc((uint64_t)d->pool + 1, sizeof *pmf), found = 0, band = 1;
    law_agreeing(d->pool, p, pmf);
    for (uint32_t f = d->pool; f >= max_u64(d->rows, d->cut); f--) { /* band: C(f, rows) / C(pool, rows) */
        found += pmf[f] * law_any(band, d->bands);
        band *= (double)(f - d->rows) / f;
    }
    free(pmf);
    return found;
}

/* sum[f] of one more group of values: the chances part[0 .. width] of how many of these agree. */
static void add_group(double *sum, uint32_t most, const double *part, uint32_t width, double *room) {
    for (uint32_t f = 0; f <= most + width; f++)
        room[f] = 0;
    for (uint32_t k = 0; k <= width; k++)
        for (uint32_t f = 0; f <= most; f++)
            room[f + k] += sum[f] * part[k];
    for (uint32_t f = 0; f <= most + width; f++)
        sum[f] = room[f];
}

/* Bands that share nothing: at least `cut` of the pool's values agree, less that they do and no band is
 * whole. missed[f]: f values of those so far agree, and no band is whole. */
static double found_apart(const struct drawing *d, double p) {
    uint32_t m = d->pool, rows = d->rows, most = 0;
    double *all = mem_alloc(4 * ((uint64_t)m + 1), sizeof *all), *missed = all + m + 1,
           *part = missed + m + 1, *room = part + m + 1, found = 0;
    law_agreeing(rows, p, part);
    part[rows] = 0; /* that band would be whole */
    missed[0] = 1;
    for (uint32_t band = 0; band < d->bands; band++, most += rows)
        add_group(missed, most, part, rows, room);
    law_agreeing(m - most, p, part);
    add_group(missed, most, part, m - most, room);
    law_agreeing(m, p, all);
    for (uint32_t f = d->cut; f <= m; f++)
        found += all[f] - missed[f];
    free(all);
    return found;
}

double law_found(const struct drawing *d, double p) {
    if (p <= 0 || p >= 1)
        return p >= 1;
    if (!drawing_is_plain(d))
        return found_pooled(d, p);
    return d->cut > d->rows ? found_apart(d, p) : law_any(law_power(p, d->rows), d->bands);
}

/* Bands [low + 1, high] of which the last, and perhaps others, find enough. */
static uint32_t bisect(struct drawing d, double p, double recall, uint32_t low, uint32_t high) {
    while (high - low > 1) {
        d.bands = low + (high - low) / 2;
        if (law_found(&d, p) < recall)
            low = d.bands;
        else
            high = d.bands;
    }
    return high;
}

uint32_t law_least_bands(struct drawing d, double p, double recall, uint32_t most) {
    uint32_t low = d.bands - 1;       /* too few */
    uint32_t apart = d.pool / d.rows; /* with more, bands share values */
    if (d.pool && apart >= d.bands && apart <= most) {
        d.bands = apart;
        if (law_found(&d, p) >= recall)
            return bisect(d, p, recall, low, apart);
        low = apart;
        d.bands = apart + 1;
    }
    for (; law_found(&d, p) < recall; low = d.bands, d.bands = (uint32_t)min_u64(most, 2 * (uint64_t)d.bands))
        if (d.bands == most)
            return 0;
    return bisect(d, p, recall, low, d.bands);
}
