/* How often values occur: counts in equal steps of a range that is known before. */
#ifndef LSHJOIN_HISTOGRAM_H
#define LSHJOIN_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_BINS = 100 };

struct histogram {
    double from, to;
    uint64_t n[HISTOGRAM_BINS]; /* the first and the last have also what lies beyond */
};

static inline void histogram_add(struct histogram *h, double value) {
    double at = HISTOGRAM_BINS * (value - h->from) / (h->to - h->from);
    h->n[at >= HISTOGRAM_BINS ? HISTOGRAM_BINS - 1 : at > 0 ? (int)at : 0]++; /* where to is from, NaN is 0 */
}

#endif
