/* What this rank has of the output: rows of pieces, appended in the order of the input. */
#ifndef PACK_HARVEST_H
#define PACK_HARVEST_H

#include <stdint.h>

#include "column.h"
#include "corpus.h"
#include "piece.h"
#include "settings.h"

struct harvest {
    const struct settings *s;
    const struct corpus *in;
    struct columns columns;
    uint64_t rows, items, id_bytes;
    uint64_t largest;      /* element of sets */
    uint64_t bad, invalid; /* records left out; invalid sequences of UTF-8 */
    uint64_t bytes;        /* of text parsed */
    uint64_t *counted;     /* [2 * files]: records, and items of them, that were found in a file */
    uint64_t width;        /* of vectors; set by the caller before the first row is appended, as is */
    enum number type;
};

/* `directory` is where columns spill to unless the settings say so. What is given outlives it. */
struct harvest harvest_make(const struct settings *s, const struct corpus *in, const char *directory);
void harvest_free(struct harvest *h);

/* Append the rows of a parsed piece, which may be changed. The mistake that its parser found, vectors of
 * another length or type, and columns that cannot spill fill *e. */
void harvest_append(struct harvest *h, struct piece *p, struct error *e);

#endif
