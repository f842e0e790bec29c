#include "lshjoin/meeting.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

/* How many times as many pairs as the median band's make a band dear; and pairs of a sample that are few
 * anyway. Were it 2 or 4, pairs that share the elements which make bands dear would be found less often, by
 * .004 or so, than the law of the drawn bands says. */
static const double dear_times = 10, few = 10;

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of an even number of bands the lower median. */
static double limit_of(const double *pairs, uint32_t bands) {
    double *sorted = mem_alloc(bands, sizeof *sorted);
    memcpy(sorted, pairs, bands * sizeof *sorted);
    qsort(sorted, bands, sizeof *sorted, compare);
    double median = sorted[(bands - 1) / 2];
    free(sorted);
    return dear_times * (median > few ? median : few);
}

struct meeting meeting_create(const struct sketches *sample, const struct drawing *d, struct pool *pool,
                              bool self_join, uint64_t left) {
    struct meeting m = {.sketching = sketching_create(d, cpu_simd()), .n_lists = pool_threads(pool)};
    struct band_keys keys = sketches_keys(sample, &m.sketching, pool, 0, d->bands);
    m.lists = mem_zero((uint64_t)m.n_lists, sizeof *m.lists);
    m.pairs = mem_zero(d->bands, sizeof *m.pairs);
    const struct shard shard = {.self_join = self_join, .split = left};
    bucket_all(pool, &keys, sides_of(&shard, false), m.lists);
    free(keys.key);
    for (int t = 0; t < m.n_lists; t++)
        for (uint64_t k = 0; k < m.lists[t].n; k++)
            m.pairs[m.lists[t].bucket[k].band] += (double)bucket_pairs(&m.lists[t].bucket[k]);
    m.dear = limit_of(m.pairs, d->bands);
    return m;
}

void meeting_free(struct meeting *m) {
    for (int t = 0; t < m->n_lists; t++)
        bucket_list_free(&m->lists[t]);
    free(m->lists);
    free(m->pairs);
    sketching_free(&m->sketching);
}

void meeting_leave_out(const struct meeting *m, uint32_t most, struct drawing *d) {
    uint32_t bands = m->sketching.bands;
    d->n_left_out = 0;
    for (uint32_t band = 0, kept = 0; band < bands && kept < d->bands; band++)
        if (m->pairs[band] > m->dear && d->n_left_out < most)
            d->left_out[d->n_left_out++] = (uint16_t)band;
        else
            kept++;
}
