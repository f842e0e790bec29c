#include "harvest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct harvest harvest_make(const struct settings *s, const struct corpus *in, const char *directory) {
    return (struct harvest){.s = s,
                            .in = in,
                            .columns = columns_make(s->scratch ? s->scratch : directory, s->memory / 4 * 3),
                            .counted = mem_zero(2 * in->n, sizeof(uint64_t))};
}

void harvest_free(struct harvest *h) {
    columns_free(&h->columns);
    free(h->counted);
}

static void append_buffer(struct harvest *h, enum column_name name, const struct buffer *b) {
    column_append(&h->columns, name, b->data, b->bytes);
}

static void append_source(struct harvest *h, struct piece *p) {
    uint64_t *offset = (uint64_t *)p->rows.offsets.data, n = p->rows.n;
    uint32_t file = (uint32_t)p->file;
    for (uint64_t i = 0; i < n; i++) {
        offset[i] = h->s->per_file ? 0 : offset[i] + p->at;
        column_append(&h->columns, COLUMN_FILE, &file, sizeof file);
    }
    append_buffer(h, COLUMN_OFFSET, &p->rows.offsets);
    append_buffer(h, COLUMN_LENGTH, &p->rows.spans);
}

static void note_largest(struct harvest *h, const struct rows *r) {
    const uint64_t *items = (const uint64_t *)r->items.data;
    for (uint64_t i = 0; i < r->items.bytes / sizeof *items; i++)
        h->largest = max_u64(h->largest, items[i]);
}

void harvest_append(struct harvest *h, struct piece *p, struct error *e) {
    struct rows *r = &p->rows;
    bool vectors = h->s->form->vectors;
    h->bytes += p->text.bytes;
    if (piece_check(p, h->in, h->s, h->width, h->type, e))
        return;
    h->counted[2 * p->file] += r->n + r->bad;
    h->counted[2 * p->file + 1] += r->given;
    h->rows += r->n;
    h->items += r->items.bytes / (vectors ? number_bytes(p->head.type) : sizeof(uint64_t));
    h->id_bytes += r->ids.bytes;
    h->bad += r->bad;
    h->invalid += r->invalid;
    append_buffer(h, COLUMN_ITEMS, &r->items);
    append_buffer(h, COLUMN_WEIGHTS, &r->weights);
    append_buffer(h, COLUMN_IDS, &r->ids);
    append_buffer(h, COLUMN_ID_LENGTHS, &r->id_lengths);
    if (!vectors) {
        append_buffer(h, COLUMN_LENGTHS, &r->lengths);
        note_largest(h, r);
    }
    if (h->s->source)
        append_source(h, p);
    columns_settle(&h->columns, e);
}
