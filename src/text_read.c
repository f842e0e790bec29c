#include "lshjoin/text_read.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* A stream being read, line by line. */
struct reader {
    FILE *f;
    const char *name;
    uint64_t *line;
    struct error *e;
    char *text; /* the line that was read last, without its end */
    size_t capacity;
    const char *at, *end; /* what is left of it */
};

struct header {
    uint64_t sets, features, universe;
};

/* What grows while a database is read. */
struct growth {
    uint64_t sets, features; /* room for so many */
};

static int complain(struct reader *r, uint64_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int complain(struct reader *r, uint64_t line, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return error_set(r->e, EX_DATAERR, "%s: line %" PRIu64 ": %s", r->name, line, text);
}

/* Up to 40 characters from `from` on, fit for a message. */
static const char *quote(char out[44], const char *from, const char *end) {
    size_t n = 0;
    for (; from < end && n < 40; from++)
        out[n++] = isprint((unsigned char)*from) ? *from : '?';
    strcpy(out + n, from < end ? "..." : "");
    return out;
}

/* False at the end of the stream, or where reading fails, which fills *e. */
static bool next_line(struct reader *r) {
    errno = 0;
    ssize_t n = getline(&r->text, &r->capacity, r->f);
    if (n < 0) {
        if (ferror(r->f) || !feof(r->f))
            error_set(r->e, EX_IOERR, "%s: cannot be read: %s", r->name, strerror(errno));
        return false;
    }
    ++*r->line;
    if (n > 0 && r->text[n - 1] == '\n')
        n--;
    if (n > 0 && r->text[n - 1] == '\r')
        n--;
    r->at = r->text;
    r->end = r->text + n;
    return true;
}

/* The digits at *at, as a number. False if there are none or if they are too many for 64 bits; *at is where
 * it ended. */
static bool parse_digits(const char **at, const char *end, uint64_t *value) {
    const char *first = *at;
    uint64_t v = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        uint64_t digit = (uint64_t)(**at - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = 10 * v + digit;
    }
    *value = v;
    return *at > first;
}

/* One field: a number, up to a comma, which is left, or the end of the line. */
static int read_number(struct reader *r, uint64_t *value) {
    const char *first = r->at;
    if (parse_digits(&r->at, r->end, value) && (r->at == r->end || *r->at == ','))
        return 0;
    const char *comma = memchr(first, ',', (size_t)(r->end - first));
    bool too_large = r->at < r->end && *r->at >= '0' && *r->at <= '9';
    char found[44];
    quote(found, first, comma ? comma : r->end);
    if (too_large)
        return complain(r, *r->line, "the number %s is too large", found);
    return complain(r, *r->line, "expected a number, found '%s'", found);
}

static bool parse_header(const char *at, const char *end, struct header *h) {
    uint64_t *field[] = {&h->sets, &h->features, &h->universe};
    for (int i = 0; i < 3; i++) {
        if (i > 0 && (at == end || *at++ != ','))
            return false;
        if (!parse_digits(&at, end, field[i]))
            return false;
    }
    return at == end;
}

bool text_is_header(const char *line) {
    struct header h;
    return parse_header(line, line + strcspn(line, "\r\n"), &h);
}

static int read_header(struct reader *r, struct header *h) {
    char found[44];
    if (!next_line(r))
        return complain(r, *r->line + 1, "expected a database (N,D,d), found the end of the file");
    if (!parse_header(r->at, r->end, h))
        return complain(r, *r->line, "expected a database (N,D,d), found '%s'", quote(found, r->at, r->end));
    return 0;
}

/* Room for one more set, and for as many features as its line can hold. */
static void make_room(struct growth *room, struct records *sets, uint64_t features) {
    if (sets->n + 2 > room->sets) {
        room->sets = 2 * room->sets + 64;
        sets->offset = mem_grow(sets->offset, room->sets, sizeof *sets->offset);
    }
    uint64_t needed = sets->offset[sets->n] + features;
    if (needed > room->features) {
        room->features = max_u64(needed, 2 * room->features);
        sets->data = mem_grow(sets->data, room->features, sizeof(uint32_t));
    }
}

/* How many fields the rest of the line, which begins with a comma, holds. */
static uint64_t count_fields(const struct reader *r) {
    uint64_t n = 0;
    for (const char *p = r->at; p < r->end; p++)
        n += *p == ',';
    return n;
}

/* The line "m,f1,...,fm", appended to the sets. */
static int read_set(struct reader *r, uint64_t universe, struct growth *room, struct records *sets) {
    uint64_t m, feature;
    if (r->at == r->end)
        return complain(r, *r->line, "expected a set (m,f1,...,fm), found an empty line");
    if (read_number(r, &m))
        return r->e->status;
    uint64_t fields = count_fields(r);
    if (fields != m)
        return complain(r, *r->line, "expected %" PRIu64 " features, found %" PRIu64 "%s", m, fields,
                        feof(r->f) ? " and the end of the file" : "");
    make_room(room, sets, m);
    uint32_t *out = (uint32_t *)sets->data + sets->offset[sets->n];
    for (uint64_t i = 0; i < m; i++) {
        r->at++; /* the comma */
        if (read_number(r, &feature))
            return r->e->status;
        if (feature >= universe)
            return complain(r, *r->line, "feature %" PRIu64 " is not below %" PRIu64, feature, universe);
        out[i] = (uint32_t)feature;
    }
    sets->offset[sets->n + 1] = sets->offset[sets->n] + m;
    sets->n++;
    return 0;
}

static int read_database(struct reader *r, struct records *sets) {
    struct header h;
    struct growth room = {0};
    if (read_header(r, &h))
        return r->e->status;
    uint64_t header_line = *r->line;
    uint64_t universe = min_u64(h.universe, (uint64_t)UINT32_MAX + 1); /* an element has 4 bytes */
    sets->offset = mem_zero(1, sizeof *sets->offset);
    sets->data = mem_alloc(0, sizeof(uint32_t));
    room.sets = 1;
    while (sets->n < h.sets) {
        if (!next_line(r))
            return complain(r, *r->line + 1,
                            "found the end of the file after %" PRIu64 " of %" PRIu64 " sets", sets->n,
                            h.sets);
        if (read_set(r, universe, &room, sets))
            return r->e->status;
    }
    if (sets->offset[sets->n] != h.features)
        return complain(r, header_line, "expected %" PRIu64 " features in all, found %" PRIu64, h.features,
                        sets->offset[sets->n]);
    sets->offset = mem_grow(sets->offset, sets->n + 1, sizeof *sets->offset);
    sets->data = mem_grow(sets->data, h.features, sizeof(uint32_t));
    return 0;
}

int text_read_sets(FILE *f, const char *name, uint64_t *line, struct records *sets, struct error *e) {
    struct reader r = {.f = f, .name = name, .line = line, .e = e};
    *sets = (struct records){.item = sizeof(uint32_t)};
    if (read_database(&r, sets))
        records_free(sets);
    free(r.text);
    return e->status;
}

int text_read_end(FILE *f, const char *name, uint64_t *line, struct error *e) {
    struct reader r = {.f = f, .name = name, .line = line, .e = e};
    char found[44];
    while (next_line(&r))
        if (r.at < r.end) {
            complain(&r, *line, "expected the end of the file, found '%s'", quote(found, r.at, r.end));
            break;
        }
    free(r.text);
    return e->status;
}
