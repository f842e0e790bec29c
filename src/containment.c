#include "lshjoin/containment.h"

#include <math.h>

#include "lshjoin/family.h"
#include "lshjoin/law.h"

uint64_t containment_least(struct fraction t, uint64_t n) {
    return (t.p * n + t.q - 1) / t.q; /* sets below 2^31 elements and q <= 10^9 keep it in 64 bits */
}

bool containment_at_least(struct fraction t, const void *a, uint64_t na, const void *b, uint64_t nb,
                          size_t width, double *containment) {
    uint64_t least = containment_least(t, na);
    uint64_t both = set_intersection(a, na, b, nb, width, least);
    if (both < least)
        return false;
    *containment = (double)both / (double)na;
    return true;
}

static bool verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                   size_t item, double *value) {
    return containment_at_least(t->exact, a, na, b, nb, item, value);
}

/* Of a set that has that share of its elements in one that is `ratio` times as large: their Jaccard
 * similarity.
 */
static double agreement(double share, const struct drawing *d) {
    return law_certain(share / (1 + fmax(d->ratio, share) - share));
}

const struct family family_containment = {
    .metric = "containment",
    .value = "containment",
    .is_directed = true,
    .agreement = agreement,
    .verify = verify,
};
