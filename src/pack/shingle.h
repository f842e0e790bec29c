/* From one text to its shingles: hashes of n words, or of n code points, that follow each other. */
#ifndef PACK_SHINGLE_H
#define PACK_SHINGLE_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "fold.h"

/* What of a text makes its set. */
struct shingling {
    bool words;                                   /* else code points */
    uint32_t n;                                   /* of them in a shingle, at least 1 */
    bool keep_case, keep_space, keep_punctuation; /* what is not folded: see fold.h */
};

/* What a thread needs while it works on texts; all zero at first. Grows to the size of the longest text. */
struct text_scratch {
    struct buffer folded;
    struct folding folding;
    bool has_folding;
};
void text_scratch_free(struct text_scratch *scratch);

/* Append to `out`, which holds whole uint64_t, the shingles of a text of `bytes` bytes of UTF-8, in the order
 * of the text and with repeats. Shingle i is XXH3_64bits (seed 0) of words i to i+n-1 of the folded text
 * joined by single spaces, or of its code points i to i+n-1; a text of fewer than n gives one shingle of all
 * there is, a text of none gives none. What is no UTF-8 counts as U+FFFD, and how often is added to *invalid.
 * Returns how many shingles there are. Those of 32 bits are the low halves of these. */
uint64_t shingle_text(const struct shingling *s, const char *text, uint64_t bytes,
                      struct text_scratch *scratch, struct buffer *out, uint64_t *invalid);

#endif
