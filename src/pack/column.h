/* Growing arrays that move to a temporary file when together they pass a bound. */
#ifndef PACK_COLUMN_H
#define PACK_COLUMN_H

#include <stdint.h>

#include "buffer.h"
#include "lshjoin/base.h"
#include "lshjoin/scratch.h"

/* What a rank holds of the output. */
enum column_name {
    COLUMN_LENGTHS,    /* uint64_t: items of each row */
    COLUMN_ITEMS,      /* uint64_t elements, or numbers of vectors */
    COLUMN_WEIGHTS,    /* float */
    COLUMN_ID_LENGTHS, /* uint64_t */
    COLUMN_IDS,        /* bytes */
    COLUMN_FILE,       /* uint32_t */
    COLUMN_OFFSET,     /* uint64_t */
    COLUMN_LENGTH,     /* uint64_t */
    COLUMNS
};

struct column {
    struct scratch file;
    struct buffer held; /* what is not in the file */
};

struct columns {
    struct column of[COLUMNS];
    uint64_t memory; /* the bound in bytes */
};

struct columns columns_make(const char *scratch, uint64_t memory);
void columns_free(struct columns *c);

static inline void column_append(struct columns *c, enum column_name name, const void *p, uint64_t bytes) {
    buffer_append(&c->of[name].held, p, bytes);
}

/* To be called after appending: moves what is held to files, which have no name, where it passes the bound.
 * Fills *e with EX_IOERR, or EX_CANTCREAT. Returns e->status. */
int columns_settle(struct columns *c, struct error *e);

uint64_t column_bytes(const struct columns *c, enum column_name name);
/* Bytes [at, at+bytes) of a column. Returns e->status. */
int column_read(const struct columns *c, enum column_name name, uint64_t at, uint64_t bytes, void *out,
                struct error *e);

#endif
