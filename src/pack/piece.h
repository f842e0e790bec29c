/* A piece of the input, on its way from the reader to the parser and the columns. */
#ifndef PACK_PIECE_H
#define PACK_PIECE_H

#include <stdint.h>

#include "buffer.h"
#include "corpus.h"
#include "parser.h"

/* Whole records of one file. */
struct piece {
    struct buffer text; /* 0 follows it */
    uint64_t file;
    uint64_t at; /* where in the file, uncompressed, it begins */
    struct head head;
    uint64_t
        before; /* lines, or records, before it in the file; UINT64_MAX: to be counted if that is needed */
    struct rows rows; /* what the parser makes of it */
};

/* Pieces that are parsed side by side. */
struct batch {
    struct piece *piece; /* [capacity], of which n are filled; the others may own memory */
    uint64_t n, capacity;
};
void batch_free(struct batch *b);

/* Lines in a text, or records where the form has no lines. */
uint64_t piece_count(const struct form *form, const struct head *h, const char *text, uint64_t bytes);

/* The name of a file as messages have it. */
const char *piece_file(const struct input_file *f);

/* "FILE:LINE", lines counted from 1 as editors do, or "FILE: record N", records from 0 as the rows of the
 * output, of the record that begins at an offset in a piece. */
enum { PLACE = 400 };
void piece_place(const struct piece *p, const struct corpus *in, const struct form *form, uint64_t offset,
                 char place[PLACE]);

/* Whether the rows of a parsed piece may be taken: the mistake that its parser found, and vectors of another
 * length or type than those given, which --skip-bad leaves out, fill *e. Returns e->status. */
int piece_check(struct piece *p, const struct corpus *in, const struct settings *s, uint64_t width,
                enum number type, struct error *e);

#endif
