#include "reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LOOK_AHEAD = 1 << 16 };

struct reader {
    const struct corpus *in;
    const struct settings *s;
    uint64_t piece_bytes;

    uint64_t file; /* the next one to open, or, while `source` is there, the one after it */
    struct source *source;
    bool at_end;    /* all of the source is in `carry` */
    bool is_broken; /* it ended within a record, which is left out */
    struct head head;
    struct buffer carry; /* read, but not given away */
    uint64_t at;         /* where in the file it begins */
    uint64_t before;     /* lines, or records, before that */

    uint64_t bad, *told; /* [2 * files] */
    struct error error;
};

struct reader *reader_open(const struct corpus *in, const struct settings *s, uint64_t piece_bytes) {
    struct reader *r = mem_zero(1, sizeof *r);
    *r = (struct reader){
        .in = in, .s = s, .piece_bytes = piece_bytes, .told = mem_zero(2 * in->n, sizeof *r->told)};
    return r;
}

/* A mistake of the file that is open, at the end of what was read. */
static void fail_here(struct reader *r, const struct error *why) {
    const struct input_file *f = &r->in->file[r->file - 1];
    struct piece end = {
        .text = r->carry, .file = r->file - 1, .at = r->at, .head = r->head, .before = r->before};
    char place[PLACE];
    if (r->before == UINT64_MAX)
        snprintf(place, sizeof place, "%s", piece_file(f));
    else
        piece_place(&end, r->in, r->s->form, r->carry.bytes, place);
    error_set(&r->error, why->status, "%s: %s", place, why->text);
}

/* Read on until `bytes` are carried, or all that there are. */
static void carry_on(struct reader *r, uint64_t bytes) {
    struct error e = {0};
    if (r->at_end || r->carry.bytes >= bytes)
        return;
    uint64_t wanted = bytes - r->carry.bytes;
    uint64_t got = source_read(r->source, buffer_room(&r->carry, wanted + 1), wanted, &e);
    r->carry.bytes += got;
    r->at_end = got < wanted;
    if (!e.status)
        return;
    r->is_broken = e.status == EX_DATAERR && r->s->skip_bad;
    if (r->is_broken)
        r->bad++;
    else
        fail_here(r, &e);
}

/* The first record start at byte x of a plain file, or behind it. */
static uint64_t start_from(struct reader *r, uint64_t x, uint64_t size) {
    const struct cut *cut = r->s->form->cut;
    uint64_t first = min_u64(r->head.bytes, size), n = LOOK_AHEAD, found = UINT64_MAX;
    if (x <= first || x >= size)
        return x <= first ? first : size;
    if (!cut->by_lines)
        return r->head.record
                   ? min_u64(size, x + (r->head.record - (x - first) % r->head.record) % r->head.record)
                   : size;
    for (bool is_read = false; found == UINT64_MAX && !is_read; n *= 4) {
        source_seek(r->source, x - 1, size);
        r->carry.bytes = 0;
        r->at_end = false;
        carry_on(r, n);
        found = cut_next(cut, r->carry.data, r->carry.bytes, 1);
        is_read = r->at_end;
    }
    return found == UINT64_MAX ? size : x - 1 + found;
}

/* Go to this rank's part of a plain file. */
static void enter(struct reader *r, uint64_t from, uint64_t to, uint64_t size) {
    uint64_t begin = start_from(r, from, size), end = start_from(r, to, size);
    source_seek(r->source, begin, max_u64(begin, end));
    r->carry.bytes = 0;
    r->at_end = false;
    r->at = begin;
    r->before = UINT64_MAX;
}

/* Leave the head out of what is carried. */
static void drop_head(struct reader *r) {
    uint64_t n = min_u64(r->head.bytes, r->carry.bytes);
    r->before = r->s->form->cut->by_lines ? piece_count(r->s->form, &r->head, r->carry.data, n) : 0;
    r->carry.bytes -= n;
    memmove(r->carry.data, r->carry.data + n, r->carry.bytes);
    r->at = n;
}

/* Open the next file of this rank's share. False if there is none, or on an error. */
static bool open_next(struct reader *r) {
    uint64_t from = 0, to = 0;
    while (r->file < r->in->n && !corpus_range(r->in, r->s, r->file, &from, &to))
        r->file++;
    if (r->file == r->in->n || r->error.status)
        return false;
    const struct input_file *f = &r->in->file[r->file++];
    struct error e = {0};
    r->source = source_open(f->name, &r->error);
    if (!r->source)
        return false;
    r->carry.bytes = r->at = r->before = 0;
    r->at_end = r->is_broken = false;
    r->head = (struct head){0};
    carry_on(r, HEAD_BYTES);
    if (r->error.status)
        return false;
    if (!r->s->form->head(&r->head, r->carry.data, r->carry.bytes, &e)) {
        error_set(&r->error, e.status, r->s->form->cut->by_lines ? "%s:1: %s" : "%s: %s", piece_file(f),
                  e.text);
        return false;
    }
    if (from == 0) {
        r->told[2 * r->file - 2] = r->head.rows;
        r->told[2 * r->file - 1] = r->head.items;
    }
    if (corpus_is_cut(f, r->s))
        enter(r, from, to, f->size);
    else
        drop_head(r);
    return !r->error.status;
}

/* Where the records end that are whole in what is carried; reads more until there is one. */
static uint64_t cut_here(struct reader *r) {
    uint64_t bytes = r->piece_bytes, end = 0;
    for (;;) {
        carry_on(r, bytes);
        if (r->error.status || (r->at_end && !r->is_broken))
            return r->carry.bytes;
        if (!r->s->per_file)
            end = cut_last(r->s->form->cut, &r->head, r->carry.data, r->carry.bytes);
        if (end > 0 || r->at_end)
            return end;
        bytes *= 2;
    }
}

/* The first `end` bytes carried become the text of a piece, whose own memory carries the rest. */
static void give(struct reader *r, struct piece *p, uint64_t end) {
    struct buffer rest = p->text;
    rest.bytes = 0;
    buffer_append(&rest, r->carry.data + end, r->carry.bytes - end);
    *p = (struct piece){r->carry, r->file - 1, r->at, r->head, r->before, p->rows};
    p->text.bytes = end;
    *(char *)buffer_room(&p->text, 1) = 0;
    r->carry = rest;
    r->at += end;
    if (r->before != UINT64_MAX)
        r->before += piece_count(r->s->form, &r->head, p->text.data, end);
}

static void close_file(struct reader *r) {
    source_close(r->source);
    r->source = NULL;
}

static bool next_piece(struct reader *r, struct piece *p) {
    while (!r->error.status) {
        if (!r->source && !open_next(r))
            return false;
        uint64_t end = cut_here(r);
        if (r->error.status)
            return false;
        bool is_record = r->s->per_file && !r->is_broken; /* an empty file, too */
        give(r, p, end);
        if (r->at_end)
            close_file(r);
        if (end > 0 || is_record)
            return true;
    }
    return false;
}

void reader_fill(struct reader *r, struct batch *b, uint64_t bytes) {
    uint64_t held = 0;
    b->n = 0;
    while (held < bytes) {
        if (b->n == b->capacity) {
            b->capacity = 2 * b->capacity + 4;
            b->piece = mem_grow(b->piece, b->capacity, sizeof *b->piece);
            memset(b->piece + b->n, 0, (b->capacity - b->n) * sizeof *b->piece);
        }
        if (!next_piece(r, &b->piece[b->n]))
            return;
        held += max_u64(b->piece[b->n++].text.bytes, 1 << 12); /* an empty one takes its time, too */
    }
}

const struct error *reader_error(const struct reader *r) {
    return &r->error;
}

const struct head *reader_head(const struct reader *r) {
    return &r->head;
}

uint64_t *reader_told(struct reader *r) {
    return r->told;
}

uint64_t reader_bad(const struct reader *r) {
    return r->bad;
}

double reader_share(const struct reader *r) {
    double at = (double)r->in->weight[r->file], all = (double)(r->in->hi - r->in->lo);
    if (r->source) {
        const struct input_file *f = &r->in->file[r->file - 1];
        at = (double)r->in->weight[r->file - 1];
        at += f->packing == PACKING_NONE ? (double)r->at : 4 * (double)source_taken(r->source);
    }
    double share = all > 0 ? (at - (double)r->in->lo) / all : 1;
    return share < 0 ? 0 : share > 1 ? 1 : share;
}

void reader_close(struct reader *r) {
    close_file(r);
    buffer_free(&r->carry);
    free(r->told);
    free(r);
}
