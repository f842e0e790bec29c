/* From a list of elements to a set. */
#ifndef PACK_SET_H
#define PACK_SET_H

#include <stdint.h>

#include "buffer.h"

/* Sort v[n] and drop repeats, in place. Returns how many are left, strictly rising. `scratch` is a thread's
 * own, all zero at first, and holds rubbish afterwards. */
uint64_t set_make(uint64_t *v, uint64_t n, struct buffer *scratch);

#endif
