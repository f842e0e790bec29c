#include "parser.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "set.h"

/* How full the buffers of rows are: what a bad record has added is taken back. */
struct mark {
    uint64_t items, weights, given;
};

static struct mark mark_of(const struct rows *r) {
    return (struct mark){r->items.bytes, r->weights.bytes, r->given};
}

static void take_back(struct rows *r, const struct mark *m) {
    r->items.bytes = m->items;
    r->weights.bytes = m->weights;
    r->given = m->given;
}

static void append_number(struct buffer *b, uint64_t v) {
    buffer_append(b, &v, sizeof v);
}

/* From the elements behind the mark to a set; weighted ones are one already. */
static void make_set(struct parser *p, const struct mark *m) {
    struct buffer *items = &p->rows->items;
    uint64_t n = (items->bytes - m->items) / sizeof(uint64_t);
    p->rows->given += n;
    if (n == 0 || p->settings->weights)
        return;
    uint64_t *v = (uint64_t *)(items->data + m->items);
    if (p->settings->hash_bits == 32 && p->settings->form->bears & GIVEN_TEXT)
        for (uint64_t i = 0; i < n; i++)
            v[i] = (uint32_t)v[i];
    items->bytes = m->items + set_make(v, n, &p->set) * sizeof *v;
}

/* What the form has appended since the mark becomes a row, of the record at `offset`. */
static void end_row(struct parser *p, const struct mark *m, uint64_t offset, uint64_t bytes) {
    struct rows *r = p->rows;
    bool vectors = p->settings->form->vectors;
    if (!vectors)
        make_set(p, m);
    uint64_t item = vectors ? number_bytes(p->head->type) : sizeof(uint64_t);
    uint64_t length = (r->items.bytes - m->items) / item;
    r->given += vectors ? length : 0;
    append_number(&r->lengths, length);
    append_number(&r->offsets, offset);
    append_number(&r->spans, bytes);
    if (p->settings->ids) {
        buffer_append(&r->ids, p->id, p->id_bytes);
        append_number(&r->id_lengths, p->id_bytes);
    }
    r->n++;
}

static void clear(struct rows *r) {
    struct buffer *const all[] = {&r->items,   &r->weights,    &r->lengths, &r->ids,
                                  &r->offsets, &r->id_lengths, &r->spans};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        all[i]->bytes = 0;
    r->n = r->given = r->bad = r->invalid = 0;
    r->error.status = 0;
}

/* Bytes of a record without the end of its last line. */
static uint64_t without_end(const char *text, uint64_t bytes) {
    if (bytes == 0 || text[bytes - 1] != '\n')
        return bytes;
    bytes--;
    return bytes > 0 && text[bytes - 1] == '\r' ? bytes - 1 : bytes;
}

/* One record. False if the piece ends with it, for it is bad. */
static bool take_record(struct parser *p, const char *text, uint64_t offset, uint64_t bytes) {
    struct rows *r = p->rows;
    struct mark m = mark_of(r);
    uint64_t invalid = r->invalid;
    enum outcome outcome = p->settings->form->record(p, text + offset, bytes);
    if (outcome == OUTCOME_ROW && !p->settings->per_file)
        end_row(p, &m, offset, bytes);
    if (outcome != OUTCOME_BAD)
        return true;
    take_back(r, &m);
    r->invalid = invalid;
    if (p->settings->skip_bad) {
        r->bad++;
        p->error.status = 0;
        return true;
    }
    r->error = p->error;
    r->error_at = offset;
    p->error.status = 0;
    return false;
}

void parser_run(struct parser *p, const struct piece_text *piece, struct rows *rows) {
    const struct cut *cut = p->settings->form->cut;
    clear(rows);
    p->rows = rows;
    p->head = piece->head;
    uint64_t n;
    bool good = true;
    for (uint64_t at = 0; at < piece->bytes && good; at += n) {
        n = min_u64(piece->bytes - at, cut->extent(p->head, piece->text + at, piece->bytes - at));
        p->is_first = piece->is_first && at == 0;
        good = take_record(p, piece->text, at, cut->by_lines ? without_end(piece->text + at, n) : n);
    }
    if (!p->settings->per_file || !good)
        return;
    p->id = piece->file;
    p->id_bytes = strlen(piece->file);
    end_row(p, &(struct mark){0}, 0, piece->head->bytes + piece->bytes);
}

void parser_free(struct parser *p) {
    text_scratch_free(&p->text);
    buffer_free(&p->set);
    buffer_free(&p->bases);
    buffer_free(&p->fields);
}

void rows_free(struct rows *r) {
    buffer_free(&r->items);
    buffer_free(&r->weights);
    buffer_free(&r->lengths);
    buffer_free(&r->ids);
    buffer_free(&r->id_lengths);
    buffer_free(&r->offsets);
    buffer_free(&r->spans);
}

/* Move what a kept row has in a buffer down to its end. */
static void keep(struct buffer *b, uint64_t at, uint64_t bytes) {
    if (bytes)
        memmove(b->data + b->bytes, b->data + at, bytes);
    b->bytes += bytes;
}

void rows_keep_width(struct rows *r, uint64_t width, uint64_t item) {
    const uint64_t *length = (const uint64_t *)r->lengths.data,
                   *id_length = (const uint64_t *)r->id_lengths.data;
    uint64_t n = r->n, at = 0, id_at = 0, with_ids = r->id_lengths.bytes ? 1 : 0;
    r->n = r->items.bytes = r->lengths.bytes = r->offsets.bytes = r->spans.bytes = 0;
    r->ids.bytes = r->id_lengths.bytes = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t bytes = length[i] * item, id_bytes = with_ids ? id_length[i] : 0;
        if (length[i] == width) {
            keep(&r->items, at, bytes);
            keep(&r->ids, id_at, id_bytes);
            keep(&r->id_lengths, i * sizeof *id_length, with_ids * sizeof *id_length);
            keep(&r->offsets, i * sizeof at, sizeof at);
            keep(&r->spans, i * sizeof at, sizeof at);
            keep(&r->lengths, i * sizeof *length, sizeof *length);
        }
        at += bytes;
        id_at += id_bytes;
    }
    r->n = r->lengths.bytes / sizeof *length;
    r->bad += n - r->n;
}

enum outcome parser_bad(struct parser *p, const char *format, ...) {
    char text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(&p->error, EX_DATAERR, "%s", text);
    return OUTCOME_BAD;
}

const char *parser_quote(char out[44], const char *text, uint64_t bytes) {
    uint64_t n = min_u64(bytes, 40);
    for (uint64_t i = 0; i < n; i++)
        out[i] = isprint((unsigned char)text[i]) ? text[i] : '?';
    strcpy(out + n, bytes > n ? "..." : "");
    return out;
}

bool parser_take_id(struct parser *p, const char **text, uint64_t *bytes) {
    if (!p->settings->ids || p->settings->per_file)
        return true;
    const char *tab = *bytes ? memchr(*text, '\t', *bytes) : NULL;
    if (!tab) {
        parser_bad(p, "expected an id and a tab at the begin of the line");
        return false;
    }
    p->id = *text;
    p->id_bytes = (uint64_t)(tab - *text);
    *bytes -= p->id_bytes + 1;
    *text = tab + 1;
    return true;
}
