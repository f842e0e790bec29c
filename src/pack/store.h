/* From the columns of all ranks to the file. */
#ifndef PACK_STORE_H
#define PACK_STORE_H

#include "column.h"
#include "comm.h"
#include "corpus.h"
#include "settings.h"

/* What there is to write, besides the columns. */
struct harvest {
    uint64_t rows, items, id_bytes; /* of this rank */
    uint64_t largest;               /* the largest element of this rank's sets */
    uint64_t width;                 /* of vectors; the same on all ranks, as is */
    enum number type;
    uint64_t bad, invalid; /* of all ranks, as is: */
    uint64_t all_rows, all_items;
};

/* Collective. Write the file `name`. Returns e->status, agreed and printed; on errors a part of it may be
 * there. */
int store_write(struct comm *c, const struct settings *s, const struct corpus *in,
                const struct columns *columns, const struct harvest *h, const char *name, struct error *e);

#endif
