#include "piece.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { LOOK_AHEAD = 1 << 16 };

uint64_t piece_count(const struct form *form, const struct head *h, const char *text, uint64_t bytes) {
    uint64_t n = 0;
    if (form->cut->by_lines) {
        for (uint64_t i = 0; i < bytes; i++)
            n += text[i] == '\n';
        return n;
    }
    for (uint64_t at = 0; at < bytes; n++)
        at += min_u64(bytes - at, form->cut->extent(h, text + at, bytes - at));
    return n;
}

/* Lines before a byte of a plain file. */
static uint64_t count_lines(const char *file, uint64_t end) {
    struct error ignored = {0};
    struct source *s = source_open(file, &ignored);
    char *text = mem_alloc(LOOK_AHEAD, 1);
    uint64_t n = 0, got = s ? 1 : 0;
    for (uint64_t at = 0; at < end && got; at += got) {
        got = source_read(s, text, min_u64(LOOK_AHEAD, end - at), &ignored);
        for (uint64_t i = 0; i < got; i++)
            n += text[i] == '\n';
    }
    free(text);
    source_close(s);
    return n;
}

const char *piece_file(const struct input_file *f) {
    return strcmp(f->name, "-") == 0 ? "standard input" : f->name;
}

void piece_place(const struct piece *p, const struct corpus *in, const struct form *form, uint64_t offset,
                 char place[PLACE]) {
    const struct input_file *f = &in->file[p->file];
    uint64_t before = p->before;
    if (before == UINT64_MAX)
        before = form->cut->by_lines ? count_lines(f->name, p->at)
                                     : (p->at - p->head.bytes) / max_u64(1, p->head.record);
    before += piece_count(form, &p->head, p->text.data, offset);
    if (form->cut->by_lines)
        snprintf(place, PLACE, "%s:%llu", piece_file(f), (unsigned long long)before + 1);
    else
        snprintf(place, PLACE, "%s: record %llu", piece_file(f), (unsigned long long)before);
}

static void complain(const struct piece *p, const struct corpus *in, const struct settings *s,
                     uint64_t offset, const char *what, struct error *e) {
    char place[PLACE];
    piece_place(p, in, s->form, offset, place);
    error_set(e, EX_DATAERR, "%s: %s", place, what);
}

/* Vectors that don't have the length of the first of all. */
static int check_widths(struct piece *p, const struct corpus *in, const struct settings *s, uint64_t width,
                        enum number type, struct error *e) {
    const uint64_t *length = (const uint64_t *)p->rows.lengths.data,
                   *offset = (const uint64_t *)p->rows.offsets.data;
    char text[200];
    uint64_t misfit = 0;
    while (misfit < p->rows.n && length[misfit] == width && p->head.type == type)
        misfit++;
    if (misfit == p->rows.n)
        return 0;
    if (p->head.type != type)
        complain(p, in, s, offset[misfit], "its numbers are of another type than those of the first input",
                 e);
    snprintf(text, sizeof text, "holds %" PRIu64 " numbers, and the first vector holds %" PRIu64,
             length[misfit], width);
    if (!s->skip_bad)
        complain(p, in, s, offset[misfit], text, e);
    else
        rows_keep_width(&p->rows, width, number_bytes(p->head.type));
    return e->status;
}

int piece_check(struct piece *p, const struct corpus *in, const struct settings *s, uint64_t width,
                enum number type, struct error *e) {
    if (s->form->vectors && check_widths(p, in, s, width, type, e))
        return e->status;
    if (p->rows.error.status)
        complain(p, in, s, p->rows.error_at, p->rows.error.text, e);
    return e->status;
}

void batch_free(struct batch *b) {
    for (uint64_t i = 0; i < b->capacity; i++) {
        buffer_free(&b->piece[i].text);
        rows_free(&b->piece[i].rows);
    }
    free(b->piece);
    *b = (struct batch){0};
}
