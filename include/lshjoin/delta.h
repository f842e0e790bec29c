/* Sets that are much alike, each told by how it differs from one of them, their leader: a bit for each of the
 * leader's elements, whether the set has it, and the few elements that the leader has not. What two sets of
 * one leader share is counted in their bits and a handful of comparisons. Where near-copies meet all with all
 * that is a fraction of a merge, and of a pivot's work.
 *
 * A memory of bounded size, for one thread. Sets have numbers, which stand for the same elements as long as
 * it lasts. Nobody is told by differences before the second meeting: most sets meet once. */
#ifndef LSHJOIN_DELTA_H
#define LSHJOIN_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

struct deltas;

/* Of strictly rising sets of elements of `width` bytes (4 or 8). */
struct deltas *deltas_create(size_t width, enum simd simd);
void deltas_free(struct deltas *d);

/* What it takes at most where there are so many sets. */
uint64_t deltas_bytes(size_t width, uint64_t sets);

/* Go on to set number `number`, of n elements, which meets those of numbers first + row[n_rows]. Whether
 * differences are of use to it: long and empty sets have none. */
bool deltas_turn_to(struct deltas *d, uint64_t number, const void *set, uint64_t n, uint64_t first,
                    const uint64_t *row, uint64_t n_rows);

#define DELTAS_UNKNOWN UINT64_MAX

/* How many elements the set turned to shares with set number `number`, of n elements; DELTAS_UNKNOWN where
 * these differences are not known. */
uint64_t deltas_shared(struct deltas *d, uint64_t number, const void *set, uint64_t n);

#endif
