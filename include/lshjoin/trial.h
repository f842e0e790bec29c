/* Trying out what has no formula: how often does a pair at a similarity meet in a band with probes? */
#ifndef LSHJOIN_TRIAL_H
#define LSHJOIN_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/family.h"

/* Draw d->bands bands of a pair at that similarity (or distance): met[t], t <= d->probes, is raised by the
 * number of bands in which it meets with t probes but not with t - 1. `both`: either record may probe, else
 * only the first. Only for families that probe. */
void trial_probes(const struct family *family, const struct drawing *d, double value, bool both,
                  uint32_t *met);

#endif
