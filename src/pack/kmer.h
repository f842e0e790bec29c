/* k-mers of sequences of bases. */
#ifndef PACK_KMER_H
#define PACK_KMER_H

#include <stdint.h>

#include "buffer.h"

enum { KMER_LONGEST = 32 };

/* Append to `out`, which holds whole uint64_t, the canonical k-mers (1 <= k <= KMER_LONGEST) of a sequence
 * that is given in one piece without line ends, in its order and with repeats. A, C, G, T (or U; either case)
 * are 0 to 3, two bits each, the first base highest; canonical is the lesser of a k-mer's number and its
 * reverse complement's. Windows that hold any other letter are left out. Returns how many k-mers there are;
 * their numbers are below 4^k. */
uint64_t kmer_scan(uint32_t k, const char *bases, uint64_t bytes, struct buffer *out);

#endif
