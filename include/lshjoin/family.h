/* What differs between kinds of data: how a record is signed, and how two records are compared. Everything
 * after the signature sees only symbols and bands. */
#ifndef LSHJOIN_FAMILY_H
#define LSHJOIN_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/jaccard.h"
#include "lshjoin/records.h"

struct family {
    const char *metric; /* as on the command line */
    const char *value;  /* what a verified pair's number is called in the output */

    /* A signer of m symbols a record; NULL never. */
    void *(*create)(uint32_t m, uint64_t seed);
    void (*destroy)(void *signer);

    /* Symbols of row `row`, into symbols[m rounded up to 64]. False: the record pairs with nothing (an empty
     * set). */
    bool (*sign)(const void *signer, const struct records *r, uint64_t row, uint32_t *symbols);

    /* Whether the records a and b (na, nb items of `item` bytes) are at least as similar as the threshold. */
    bool (*verify)(struct fraction threshold, const void *a, uint64_t na, const void *b, uint64_t nb,
                   size_t item, double *value);
};

extern const struct family family_jaccard;

#endif
