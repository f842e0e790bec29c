/* Bands for sets in others, by their sizes (LSH Ensemble: Zhu, Nargesian, Pu, Miller 2016). A set of a
 * elements of which the share t is in one of b agrees with that in a hash value with probability
 * t a / (a + b - t a), their Jaccard similarity: the larger the right set is beside the left one, the less.
 * So sizes fall into classes (sizes.h), and pairs into tiers, by how many classes the right set is above the
 * left one. A tier has bands of its own, as many and of as many rows as find the least likely of its pairs at
 * the threshold, and pairs of a tier meet in its bands alone: their keys are of the right set's class, which
 * a left set asks for in each tier.
 *
 * As no pair is in two tiers, all make their bands of the same hash values. */
#ifndef LSHJOIN_TIERS_H
#define LSHJOIN_TIERS_H

#include "lshjoin/plan.h"
#include "lshjoin/sizes.h"

/* How many elements the right set of a pair at the threshold has for each of the left one, at most; 0 where
 * there can be none. */
double tiers_ratio(const struct sizes *sizes, struct fraction threshold);

/* Choose a plan's tiers as plan_choose does bands, and put p->copies, p->candidates, p->pairs and the recall
 * together, of the worst tier and of all. agreeing[SIZE_STEPS]: sampled pairs by step and how many values
 * agree. EX_USAGE where no bands do. */
int tiers_choose(struct plan *p, const struct family *family, const struct survey *s,
                 const struct sizes *sizes, const plan_tally *agreeing, const struct threshold *t,
                 double recall, struct error *e);

#endif
