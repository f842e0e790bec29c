/* Folding of texts: what differs between near-duplicates without a meaning is made equal. */
#ifndef PACK_FOLD_H
#define PACK_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"

enum { FOLDING_SHORT = 0x800 }; /* code points of at most two bytes, all of most alphabets */

/* How texts are folded, in this order; see folding_make. */
struct folding {
    bool lower;                /* letters to lower case, by Unicode's simple mapping */
    bool punctuation;          /* punctuation and symbols (P*, S*) to spaces */
    bool space;                /* white space (Z*, Cc) to spaces, runs of them to one, none at the ends */
    int32_t to[FOLDING_SHORT]; /* what a code point becomes */
};

void folding_make(struct folding *f, bool lower, bool punctuation, bool space);

/* Replace what `out` holds by the folded text, valid UTF-8. Every maximal part of a sequence that is not
 * UTF-8 (The Unicode Standard, 3.9, table 3-7) is taken for U+FFFD. Returns how many of these there were. */
uint64_t text_fold(const struct folding *f, const char *text, uint64_t bytes, struct buffer *out);

#endif
