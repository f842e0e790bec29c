/* From the text of a piece to rows: what all forms share. */
#ifndef PACK_PARSER_H
#define PACK_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "form.h"
#include "settings.h"
#include "shingle.h"

/* What a piece of input holds. */
struct rows {
    uint64_t n;
    struct buffer items;   /* of sets uint64_t, strictly rising in a row; of vectors as the file has them */
    struct buffer weights; /* float, one an item; only where asked for */
    struct buffer lengths; /* [n] uint64_t: items of a row */
    struct buffer ids;     /* bytes; only where asked for, as are */
    struct buffer id_lengths;     /* [n] uint64_t */
    struct buffer offsets, spans; /* [n] uint64_t: where in the piece a row's record begins, and its bytes */
    uint64_t given;               /* items, repeats included */
    uint64_t bad, invalid;        /* records left out; invalid sequences of UTF-8 */
    uint64_t error_at;            /* where in the piece the record of `error` begins */
    struct error error;           /* without a place; what follows it is not read */
};

/* What a thread works with; all zero at first but for `settings`. */
struct parser {
    const struct settings *settings;
    const struct head *head;
    struct rows *rows; /* what is appended to */
    bool is_first;     /* the record is the first of its file */
    const char *id;    /* the record's, found by the form; not owned */
    uint64_t id_bytes;
    struct error error; /* of the record */
    struct text_scratch text;
    struct buffer set, bases, fields;
};

/* A piece of a file: whole records. */
struct piece_text {
    const char *text; /* 0 follows it */
    uint64_t bytes;
    const struct head *head;
    const char *file; /* its name: the id, where a file is a record */
    bool is_first;    /* begins with the file's first record */
};

/* Parse all records of a piece into *rows, whose former contents are dropped. */
void parser_run(struct parser *p, const struct piece_text *piece, struct rows *rows);
void parser_free(struct parser *p);
void rows_free(struct rows *r);
/* Keep of vectors those of `width` items of `item` bytes; the others count as bad. */
void rows_keep_width(struct rows *r, uint64_t width, uint64_t item);

/* For the forms: the record is bad, and why. Returns OUTCOME_BAD. */
enum outcome parser_bad(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Up to 40 characters of the text, fit for a message. */
const char *parser_quote(char out[44], const char *text, uint64_t bytes);
/* Where ids are asked for: take the column up to the first tab away from the text. False if there is none,
 * which is told as by parser_bad. */
bool parser_take_id(struct parser *p, const char **text, uint64_t *bytes);

static inline void parser_element(struct parser *p, uint64_t element) {
    *(uint64_t *)buffer_room(&p->rows->items, sizeof element) = element;
    p->rows->items.bytes += sizeof element;
}

#endif
