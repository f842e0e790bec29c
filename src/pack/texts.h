/* The texts of records: those that a file holds itself, or those in the files that it was packed from. */
#ifndef PACK_TEXTS_H
#define PACK_TEXTS_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "h5_list.h"
#include "h5_strings.h"
#include "lshjoin/base.h"
#include "source.h"

enum {
    TEXTS_MOST = 1 << 16, /* bytes of a text that are read */
    TEXTS_PATH = 8200
};

struct texts {
    const char *packed;       /* the file, not owned */
    struct h5_strings stored; /* /texts */
    struct h5_strings names;  /* /source: names of files, and of each record: */
    struct h5_list file, offset, length;
    uint64_t open; /* the file that is open, where fd is not -1 */
    int fd;
    char name[4096]; /* its name, and how it is found */
    char path[TEXTS_PATH];
    bool is_compressed;
    struct source *unpacked; /* a compressed one, read up to `at`, or NULL */
    uint64_t at;
    const char *fault; /* why it is not read, or NULL */
};

/* Texts of `rows` records in the open file `file_id`, called `packed` in messages. A file that tells of none
 * fills *e with EX_DATAERR. Returns e->status; end with texts_close in any case. */
int texts_open(struct texts *t, int64_t file_id, const char *packed, uint64_t rows, struct error *e);
void texts_close(struct texts *t);

/* Replace what `text` holds by the text of `row`, as it is, or TEXTS_MOST bytes of it and how many there are;
 * or, in parentheses, by why there is none. What is wrong with the packed file fills *e. Returns e->status.
 */
int texts_read(struct texts *t, uint64_t row, struct buffer *text, struct error *e);

#endif
