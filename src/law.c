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

/* Bands as good as any: C(f, rows) / C(pool, rows) of a band's places are among f. */
static void find_in_any(const struct drawing *d, double *found) {
    double band = 1;
    for (uint32_t f = d->pool; f >= d->rows; f--) {
        found[f] = law_any(band, d->bands);
        band *= (double)(f - d->rows) / f;
    }
}

/* place[k]: where value k stands in a random order of all. */
static void draw_order(uint64_t *state, uint32_t m, uint32_t *place) {
    for (uint32_t k = 0; k < m; k++) {
        uint32_t at = draw_below(state, k + 1);
        place[k] = place[at];
        place[at] = k;
    }
}

/* The least f so that a whole band is among the first f of the order. */
static uint32_t first_whole(const struct drawing *d, const uint32_t *pick, const uint32_t *place) {
    uint32_t least = d->pool;
    for (uint32_t band = 0; band < d->bands; band++, pick += d->rows) {
        uint32_t last = 0;
        for (uint32_t k = 0; k < d->rows; k++)
            last = place[pick[k]] > last ? place[pick[k]] : last;
        least = last < least ? last : least;
    }
    return least + 1;
}

/* These bands. */
static void find_in_drawn(const struct drawing *d, double *found) {
    uint32_t *pick = drawing_picks(d), *place = mem_zero(d->pool, sizeof *place);
    uint64_t state = 0;
    for (uint32_t order = 0; order < LAW_ORDERS; order++) {
        draw_order(&state, d->pool, place);
        found[first_whole(d, pick, place)] += 1. / LAW_ORDERS;
    }
    for (uint32_t f = 1; f <= d->pool; f++)
        found[f] += found[f - 1];
    free(place);
    free(pick);
}

struct law law_create(const struct drawing *d) {
    struct law l = {.drawing = d};
    if (drawing_is_plain(d))
        return l;
    l.found = mem_zero((uint64_t)d->pool + 1, sizeof *l.found);
    if (d->n_left_out)
        find_in_drawn(d, l.found);
    else
        find_in_any(d, l.found);
    return l;
}

void law_free(struct law *l) {
    free(l->found);
}

static double found_pooled(const struct law *l, double p) {
    const struct drawing *d = l->drawing;
    double *pmf = mem_alloc((uint64_t)d->pool + 1, sizeof *pmf), found = 0;
    law_agreeing(d->pool, p, pmf);
    for (uint32_t f = d->pool; f >= max_u64(d->rows, d->cut); f--)
        found += pmf[f] * l->found[f];
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

double law_at(const struct law *l, double p) {
    const struct drawing *d = l->drawing;
    if (p <= 0 || p >= 1)
        return p >= 1;
    if (l->found)
        return found_pooled(l, p);
    return d->cut > d->rows ? found_apart(d, p) : law_any(law_power(p, d->rows), d->bands);
}

double law_found(const struct drawing *d, double p) {
    struct law l = law_create(d);
    double found = law_at(&l, p);
    law_free(&l);
    return found;
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
