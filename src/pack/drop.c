#include "drop.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "h5_read.h"
#include "parsing.h"
#include "target.h"

enum { KEEP_AT_ONCE = 1 << 16 };

struct drop {
    const struct settings *s;
    struct corpus in;
    struct parsing parsing;
    FILE *out;
    const char *name; /* of what is written, for messages */
    int64_t file;
    struct h5_list keep;
    uint8_t kept[KEEP_AT_ONCE]; /* of rows [kept_from, kept_from + KEEP_AT_ONCE) */
    uint64_t kept_from;
    uint64_t rows, dropped; /* so far */
    uint64_t width;         /* of vectors, 0 before the first */
    enum number type;
};

static bool is_kept(struct drop *d, uint64_t row, struct error *e) {
    if (row >= d->keep.length)
        return true; /* which is told at the end, with the number of records */
    if (row == 0 || row >= d->kept_from + KEEP_AT_ONCE) {
        d->kept_from = row;
        h5_list_read(&d->keep, row, min_u64(KEEP_AT_ONCE, d->keep.length - row), 1, d->kept, e);
    }
    return d->kept[row - d->kept_from] != 0;
}

/* Behind the end of a line that stands at `at`. */
static uint64_t over_line_end(const struct piece *p, uint64_t at) {
    if (at < p->text.bytes && p->text.data[at] == '\r')
        at++;
    return at + (at < p->text.bytes && p->text.data[at] == '\n');
}

static void copy(struct drop *d, const struct piece *p, uint64_t from, uint64_t to) {
    if (to > from)
        fwrite(p->text.data + from, 1, to - from, d->out);
}

/* A piece, but for the records that are dropped; a last line gets its end, since others may follow. */
static void copy_piece(struct drop *d, const struct piece *p, struct error *e) {
    const uint64_t *offset = (const uint64_t *)p->rows.offsets.data,
                   *span = (const uint64_t *)p->rows.spans.data;
    bool by_lines = d->s->form->cut->by_lines;
    uint64_t done = 0;
    for (uint64_t i = 0; i < p->rows.n && !e->status; i++, d->rows++) {
        if (is_kept(d, d->rows, e))
            continue;
        uint64_t end = offset[i] + span[i];
        copy(d, p, done, offset[i]);
        done = by_lines ? over_line_end(p, end) : end;
        d->dropped++;
    }
    copy(d, p, done, p->text.bytes);
    if (by_lines && done < p->text.bytes && p->text.data[p->text.bytes - 1] != '\n')
        fputc('\n', d->out);
    if (ferror(d->out))
        error_set(e, EX_IOERR, "%s: cannot be written: %s", d->name, strerror(errno));
}

static void note_vectors(struct drop *d, const struct piece *p) {
    if (d->width > 0 || p->rows.n == 0)
        return;
    d->width = *(const uint64_t *)p->rows.lengths.data;
    d->type = p->head.type;
}

static void copy_all(struct drop *d, struct error *e) {
    for (struct batch *b; !e->status && (b = parsing_next(&d->parsing, e));)
        for (uint64_t i = 0; i < b->n && !e->status; i++) {
            note_vectors(d, &b->piece[i]);
            if (!piece_check(&b->piece[i], &d->in, d->s, d->width, d->type, e))
                copy_piece(d, &b->piece[i], e);
        }
    parsing_end(&d->parsing);
    if (!e->status && d->rows != d->keep.length)
        error_set(e, EX_DATAERR,
                  "%s: tells of %" PRIu64 " records, and there are %" PRIu64
                  ": give the inputs and options that the joined file was packed with",
                  d->s->drop, d->keep.length, d->rows);
    if (fflush(d->out) != 0)
        error_set(e, EX_IOERR, "%s: cannot be written: %s", d->name, strerror(errno));
}

static void open_out(struct drop *d, const struct target *t, struct error *e) {
    d->name = d->s->output ? d->s->output : "standard output";
    d->out = d->s->output ? fopen(t->part, "wx") : stdout;
    if (!d->out)
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", d->name, strerror(errno));
}

static void run(struct drop *d, const struct target *t, struct error *e) {
    parsing_open(&d->parsing, d->s, &d->in, 0);
    if (!h5_file_open(&d->file, d->s->drop, e) && !h5_list_open(&d->keep, d->file, d->s->drop, "/keep", e))
        open_out(d, t, e);
    if (!e->status)
        copy_all(d, e);
    if (d->out && d->out != stdout && fclose(d->out) != 0)
        error_set(e, EX_IOERR, "%s: cannot be written: %s", d->name, strerror(errno));
    if (!e->status && !d->s->quiet)
        fprintf(stderr, "lshpack: %" PRIu64 " record%s, of which %" PRIu64 " %s dropped\n", d->rows,
                plural(d->rows), d->dropped, d->dropped == 1 ? "was" : "were");
    h5_list_close(&d->keep);
    h5_file_close(&d->file);
    parsing_close(&d->parsing);
}

/* Files that are one record, or tell how many they have, cannot be written again by leaving bytes out. */
static void check_form(const struct settings *s, struct error *e) {
    if (s->form->tells || s->per_file)
        error_set(e, EX_USAGE, "--drop: %s cannot be cut record by record",
                  s->per_file ? "inputs that are a record each (--per-file)" : s->form->name);
}

int drop_run(struct comm *c, struct settings *s, struct error *e) {
    struct drop *d = mem_zero(1, sizeof *d);
    struct target target;
    d->s = s;
    if (comm_size(c) > 1)
        error_set(e, EX_USAGE, "--drop writes one stream: one rank does it, with --threads");
    if (!comm_failed(c, e) && !corpus_gather(&d->in, c, s, e)) {
        if (!s->form)
            corpus_form(&d->in, &s->form, e);
        if (!e->status && !settings_suit(s, e))
            check_form(s, e);
        if (!comm_failed(c, e) && (!s->output || !target_prepare(&target, c, s, &d->in, e))) {
            corpus_weigh(&d->in, c);
            run(d, &target, e);
            if (s->output)
                target_finish(&target, c, e);
            comm_failed(c, e);
        }
    }
    corpus_free(&d->in);
    free(d);
    return e->status;
}
