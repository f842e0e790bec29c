/* Sums of blocks by which damage is told, linear in the bytes, so that ranks who each write a part of a block
 * can add up what they know of it. Multilinear hashing: the sum over the block's 32-bit words, modulo 2^64,
 * of the word times a random odd number of 32 bits that belongs to its place (Lemire and Kaser 2014,
 * "Strongly universal string hashing is fast"). A change of a block goes unseen with a chance of 2^-32 at
 * most. */
#ifndef LSHJOIN_SEAL_H
#define LSHJOIN_SEAL_H

#include <stdint.h>

enum { SEAL_BLOCK = 16384 }; /* bytes; the last block of a list has fewer */

/* What n bytes add to the sum of their block, which they are in from byte `at` on. at + n <= SEAL_BLOCK. */
uint64_t seal_part(const void *bytes, uint64_t at, uint64_t n);

#endif
