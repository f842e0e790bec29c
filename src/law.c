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
    for (uint32_t f = d->pool; f >= d->rows; f--) { /* band: C(f, rows) / C(pool, rows) */
        found += pmf[f] * law_any(band, d->bands);
        band *= (double)(f - d->rows) / f;
    }
    free(pmf);
    return found;
}

double law_found(const struct drawing *d, double p) {
    if (p <= 0 || p >= 1)
        return p >= 1;
    return !drawing_is_plain(d) ? found_pooled(d, p) : law_any(law_power(p, d->rows), d->bands);
}
