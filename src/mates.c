#include "mates.h"

#include <stdlib.h>

#include "lshjoin/band.h"

enum { TOGETHER = 2048 }; /* rows whose signatures are made at a time */

/* In how many bands each of the rows meets one that is equal: all, unless what a record asks for is not what
 * it stores. */
static uint32_t *count_bands(struct pool *pool, const struct options *o, const struct inputs *in,
                             const struct drawing *d, const uint64_t *rows, uint64_t n) {
    uint32_t *bands = mem_alloc(n, sizeof *bands);
    for (uint64_t i = 0; i < n; i++)
        bands[i] = d->bands;
    if (o->exact || !in->family->is_asymmetric)
        return bands;
    struct records selected = records_select(&in->records, rows, n);
    struct signatures s =
        signatures_create(pool, in->family, &selected, d, UINT64_MAX, !o->verify, NULL, NULL);
    const struct records *digest = signatures_digest(&s, pool);
    for (uint64_t i = 0; i < n; i++)
        bands[i] = band_count(&s, records_row(digest, i), records_row(digest, i));
    signatures_free(&s);
    records_free(&selected);
    return bands;
}

static uint64_t *standing_for_others(const struct duplicates *d) {
    uint64_t *rows = mem_alloc(d->groups, sizeof *rows), n = 0;
    for (uint64_t row = 0; n < d->groups; row++)
        if (records_length(&d->stood_for, row) > 0)
            rows[n++] = row;
    return rows;
}

struct pair *mates_find(const struct duplicates *d, struct pool *pool, const struct options *o,
                        const struct inputs *in, const struct plan *plan, const struct threshold *threshold,
                        uint64_t *n) {
    const struct records *r = &in->records;
    uint64_t *rows = standing_for_others(d), first = in->shard.start[in->shard.rank];
    struct pair *pairs = mem_alloc(d->groups, sizeof *pairs);
    uint32_t *bands = NULL;
    *n = 0;
    for (uint64_t i = 0; i < d->groups; i++) {
        if (i % TOGETHER == 0) {
            free(bands);
            bands = count_bands(pool, o, in, &plan->drawing, rows + i, min_u64(TOGETHER, d->groups - i));
        }
        const void *row = records_row(r, rows[i]);
        uint64_t items = records_length(r, rows[i]);
        double value = bands[i % TOGETHER];
        bool met = first + rows[i] >= in->shard.old && (o->exact || bands[i % TOGETHER] > 0);
        if (met && (!o->verify || in->family->verify(threshold, row, items, row, items, r->item, &value)))
            pairs[(*n)++] = (struct pair){first + rows[i], first + rows[i], value, 0};
    }
    free(bands);
    free(rows);
    return pairs;
}
