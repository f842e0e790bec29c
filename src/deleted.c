#include "deleted.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <xxhash.h>

#include "ids.h"
#include "index.h"
#include "verbose.h"

/* The lines of the file, on every rank. */
struct lines {
    char *text;
    uint64_t bytes, n, *at; /* [n+1]: where each begins, without its line end: at[k+1] - 1 is past its last */
};

static void read_text(const char *file, struct lines *l, struct error *e) {
    FILE *f = fopen(file, "r");
    size_t room = 1 << 16, n;
    l->text = mem_alloc(room, 1);
    while (f && (n = fread(l->text + l->bytes, 1, room - l->bytes, f)) > 0) {
        l->bytes += n;
        if (l->bytes == room)
            l->text = mem_grow(l->text, room *= 2, 1);
    }
    if (!f || ferror(f))
        error_set(e, EX_NOINPUT, "%s: cannot be read: %s", file, strerror(errno));
    if (f)
        fclose(f);
}

/* Collective. */
static int read_lines(struct comm *c, const char *file, struct lines *l, struct error *e) {
    if (comm_rank(c) == 0)
        read_text(file, l, e);
    if (comm_failed(c, e))
        return e->status;
    comm_broadcast(c, &l->bytes, sizeof l->bytes);
    l->text = mem_grow(l->text, l->bytes + 1, 1);
    comm_broadcast(c, l->text, l->bytes);
    if (l->bytes > 0 && l->text[l->bytes - 1] != '\n')
        l->text[l->bytes++] = '\n';
    for (uint64_t i = 0; i < l->bytes; i++)
        l->n += l->text[i] == '\n';
    l->at = mem_alloc(l->n + 1, sizeof *l->at);
    l->at[0] = 0;
    for (uint64_t i = 0, k = 0; i < l->bytes; i++)
        if (l->text[i] == '\n')
            l->at[++k] = i + 1;
    return 0;
}

static uint64_t length_of(const struct lines *l, uint64_t line) {
    uint64_t n = l->at[line + 1] - 1 - l->at[line];
    return n > 0 && l->text[l->at[line] + n - 1] == '\r' ? n - 1 : n;
}

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Numbers below `rows`, rising, each once; *n of them. */
static uint64_t *numbers_of(const struct lines *l, const char *file, uint64_t rows, uint64_t *n,
                            struct error *e) {
    uint64_t *number = mem_alloc(l->n, sizeof *number), kept = 0;
    *n = 0;
    for (uint64_t k = 0; k < l->n && !e->status; k++) {
        const char *text = l->text + l->at[k];
        uint64_t length = length_of(l, k), v = 0, i = 0;
        for (; i < length && text[i] >= '0' && text[i] <= '9' && v <= rows; i++)
            v = 10 * v + (uint64_t)(text[i] - '0');
        if (length == 0)
            continue;
        if (i < length || v >= rows)
            error_set(e, EX_DATAERR,
                      "%s: line %" PRIu64 ": '%.*s' is not the number of an old record, of %" PRIu64, file,
                      k + 1, (int)min_u64(length, 40), text, rows);
        number[(*n)++] = v;
    }
    qsort(number, *n, sizeof *number, compare);
    for (uint64_t k = 0; k < *n; k++)
        if (kept == 0 || number[k] != number[kept - 1])
            number[kept++] = number[k];
    *n = kept;
    return number;
}

/* Lines by their hashes: table[slots] line + 1, or 0. */
struct lookup {
    uint64_t slots, *table;
    bool *found; /* [lines] */
};

static uint64_t slot_of(const struct lines *l, const struct lookup *t, const char *text, uint64_t length) {
    uint64_t slot = XXH3_64bits(text, length) & (t->slots - 1);
    for (uint64_t line; (line = t->table[slot]) != 0; slot = (slot + 1) & (t->slots - 1))
        if (length_of(l, line - 1) == length && memcmp(l->text + l->at[line - 1], text, length) == 0)
            break;
    return slot;
}

static struct lookup look_up(const struct lines *l) {
    struct lookup t = {.slots = 64, .found = mem_zero(l->n, sizeof *t.found)};
    while (t.slots < 2 * l->n)
        t.slots *= 2;
    t.table = mem_zero(t.slots, sizeof *t.table);
    for (uint64_t k = 0; k < l->n; k++) {
        uint64_t slot = slot_of(l, &t, l->text + l->at[k], length_of(l, k));
        t.found[k] = length_of(l, k) == 0 || t.table[slot]; /* nothing, or the same again */
        if (!t.found[k])
            t.table[slot] = k + 1;
    }
    return t;
}

/* Collective. The old records of these ids, by their numbers among all old ones from `first_old` on. */
static uint64_t *rows_of_ids(struct comm *c, struct pool *pool, const struct options *o,
                             const struct inputs *in, const struct lines *l, uint64_t first_old,
                             uint64_t rows, uint64_t *n, struct error *e) {
    struct ids ids;
    uint64_t *mine = NULL, *all = NULL, none, kept = 0;
    *n = 0;
    if (!ids_read(&ids, c, pool, in, o->round_bytes, e)) {
        struct lookup t = look_up(l);
        uint64_t first = ids.shard->start[ids.shard->rank];
        mine = mem_alloc(ids.own.n, sizeof *mine);
        for (uint64_t row = 0; row < ids.own.n; row++) {
            uint64_t slot = slot_of(l, &t, records_row(&ids.own, row), records_length(&ids.own, row));
            if (first + row < first_old || first + row >= first_old + rows || !t.table[slot])
                continue;
            mine[kept++] = first + row - first_old;
            t.found[t.table[slot] - 1] = true;
        }
        uint64_t *found = mem_alloc(l->n, sizeof *found);
        for (uint64_t k = 0; k < l->n; k++)
            found[k] = t.found[k];
        comm_max(c, found, l->n);
        for (uint64_t k = 0; k < l->n; k++)
            if (!found[k])
                error_set(e, EX_DATAERR, "%s: line %" PRIu64 ": '%.*s' is the id of no old record",
                          o->deleted, k + 1, (int)min_u64(length_of(l, k), 40), l->text + l->at[k]);
        all = comm_gather(c, sizeof *all, mine, kept, 0, &none, n); /* rising, as ranks are */
        free(found);
        free(t.table);
        free(t.found);
        free(mine);
    }
    ids_free(&ids);
    return all;
}

/* Those of the rows that this rank holds. */
static void leave_out(struct inputs *in, uint64_t first_old, const uint64_t *deleted, uint64_t n) {
    uint64_t first = in->shard.start[in->shard.rank], end = in->shard.start[in->shard.rank + 1], kept = 0;
    uint64_t *row = mem_alloc(n, sizeof *row);
    for (uint64_t k = 0; k < n; k++)
        if (first_old + deleted[k] >= first && first_old + deleted[k] < end)
            row[kept++] = first_old + deleted[k] - first;
    records_leave_out(&in->records, row, kept);
    in->left_out += kept;
    free(row);
}

int deleted_take(struct comm *c, struct pool *pool, const struct options *o, struct inputs *in,
                 struct error *e) {
    struct lines l = {0};
    if (!o->deleted)
        return 0;
    bool is_first = o->against != NULL; /* the old input, of two */
    uint64_t first_old = in->old ? shard_first_old(&in->shard) : is_first ? 0 : in->of[0].rows, n = 0;
    uint64_t rows = in->old ? in->old->rows : in->of[!is_first].rows, *deleted = NULL;
    if (!read_lines(c, o->deleted, &l, e))
        deleted = o->ids ? rows_of_ids(c, pool, o, in, &l, first_old, rows, &n, e)
                         : numbers_of(&l, o->deleted, rows, &n, e);
    if (!comm_failed(c, e)) {
        in->deleted = XXH3_64bits(deleted, n * sizeof *deleted);
        verbose(o, c, "%" PRIu64 " of %" PRIu64 " old records are deleted", n, rows);
    }
    if (!e->status && in->old) {
        in->old->deleted = deleted;
        in->old->n_deleted = n;
        deleted = NULL;
    } else if (!e->status) {
        leave_out(in, first_old, deleted, n);
    }
    free(deleted);
    free(l.text);
    free(l.at);
    return e->status;
}
