/* The forms of input: one table of what tells them apart. */
#ifndef PACK_FORM_H
#define PACK_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "cut.h"
#include "lshjoin/base.h"
#include "settings.h"

/* Types of the numbers of vectors. Bytes in a file have the order of this machine's. */
enum number { NUMBER_NONE, NUMBER_F16, NUMBER_F32, NUMBER_F64, NUMBER_I8, NUMBER_U8 };
uint64_t number_bytes(enum number type);

/* What the beginning of a file tells. */
struct head {
    uint64_t bytes;       /* of it, before the first record */
    uint64_t record;      /* bytes of every record; 0: they differ, or are not known */
    uint64_t width;       /* numbers of a vector, where it is told */
    enum number type;     /* of vectors */
    uint64_t rows, items; /* that follow; UINT64_MAX: not told */
    uint64_t bound;       /* elements are below */
};
enum { HEAD_BYTES = 1 << 16 }; /* it fits in these */

/* What became of a record. */
enum outcome { OUTCOME_ROW, OUTCOME_NOTHING, OUTCOME_BAD };

struct parser;

struct form {
    const char *name;
    const char *endings;      /* of names of files: ".a.b" */
    bool vectors;             /* else sets */
    unsigned bears;           /* which options it has: GIVEN_* */
    const struct form *whole; /* what takes its place where a file is one record; NULL: itself */
    const struct cut *cut;
    /* Fills *h from the first min(HEAD_BYTES, all) bytes of a file that is no smaller than `bytes`. False,
     * with the reason in *e, where they are not of this form. */
    bool (*head)(struct head *h, const char *text, uint64_t bytes, struct error *e);
    /* Appends the items of the record to p->rows, and tells what came of it (see parser.h). Texts come
     * without their line end. */
    enum outcome (*record)(struct parser *p, const char *text, uint64_t bytes);
    bool tells; /* heads tell the numbers of records and items */
};

/* The form of a name ("lines"), or NULL. */
const struct form *form_find(const char *name);
/* The form that the ending of a file's name tells, after .gz or .zst is taken off, or NULL. */
const struct form *form_of_file(const char *file);
/* All names, for messages. */
const char *form_names(void);

#endif
