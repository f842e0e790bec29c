#include "column.h"

#include <string.h>

struct columns columns_make(const char *scratch, uint64_t memory) {
    struct columns c = {.memory = memory};
    for (int i = 0; i < COLUMNS; i++)
        c.of[i].file = scratch_make(scratch);
    return c;
}

void columns_free(struct columns *c) {
    for (int i = 0; i < COLUMNS; i++) {
        buffer_free(&c->of[i].held);
        scratch_close(&c->of[i].file);
    }
}

static int spill(struct column *c, struct error *e) {
    if (!scratch_append(&c->file, c->held.data, c->held.bytes, e))
        c->held.bytes = 0;
    return e->status;
}

int columns_settle(struct columns *c, struct error *e) {
    uint64_t held = 0;
    for (int i = 0; i < COLUMNS; i++)
        held += c->of[i].held.bytes;
    for (int i = 0; i < COLUMNS && held > c->memory && !e->status; i++)
        if (c->of[i].held.bytes > 0)
            spill(&c->of[i], e);
    return e->status;
}

uint64_t column_bytes(const struct columns *c, enum column_name name) {
    return c->of[name].file.bytes + c->of[name].held.bytes;
}

int column_read(const struct columns *all, enum column_name name, uint64_t at, uint64_t bytes, void *out,
                struct error *e) {
    const struct column *c = &all->of[name];
    uint64_t spilled = c->file.bytes, from_file = at < spilled ? min_u64(bytes, spilled - at) : 0;
    if (from_file > 0 && scratch_read(&c->file, at, out, from_file, e))
        return e->status;
    if (bytes > from_file)
        memcpy((char *)out + from_file, c->held.data + (at + from_file - spilled), bytes - from_file);
    return 0;
}
