/* Sets as 512 bits: bit h is whether an odd number of elements hash to h. Two sets whose bits differ in d
 * places differ in d elements or more, so most pairs are told apart without a look at the sets (Sandes,
 * Teodoro, Melo 2020: Bitmap filter). */
#ifndef LSHJOIN_PARITY_H
#define LSHJOIN_PARITY_H

#include <stddef.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

enum { PARITY_WORDS = 8 };

/* The bits of n elements of `width` bytes (4 or 8). */
void parity_of(const void *set, uint64_t n, size_t width, uint64_t bits[PARITY_WORDS]);

/* In how many places two sets' bits differ. */
uint32_t parity_distance(const uint64_t *a, const uint64_t *b, enum simd simd);

#endif
