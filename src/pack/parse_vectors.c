/* Vectors in binary: .npy, fvecs, bvecs; and ivecs, which has their shape and holds sets. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "forms.h"
#include "parser.h"

/* What a header of .npy says at a key: the text behind "'key':", or NULL. */
static const char *npy_value(const char *dictionary, const char *key) {
    const char *at = strstr(dictionary, key);
    at = at ? strchr(at, ':') : NULL;
    return at ? at + 1 + strspn(at + 1, " ") : NULL;
}

static bool npy_type(struct head *h, const char *dictionary, struct error *e) {
    static const struct {
        const char *name;
        enum number type;
    } types[] = {{"<f2", NUMBER_F16}, {"<f4", NUMBER_F32}, {"<f8", NUMBER_F64}, {"|i1", NUMBER_I8},
                 {"|u1", NUMBER_U8},  {"<i1", NUMBER_I8},  {"<u1", NUMBER_U8}};
    const char *descr = npy_value(dictionary, "'descr'");
    size_t n = descr && *descr == '\'' ? strcspn(descr + 1, "'") : 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (n == 3 && strncmp(descr + 1, types[i].name, n) == 0) {
            h->type = types[i].type;
            return true;
        }
    error_set(e, EX_DATAERR, "its numbers are '%.*s': expected f2, f4, f8 (little-endian), i1 or u1",
              (int)min_u64(n, 40), descr ? descr + 1 : "");
    return false;
}

static bool npy_shape(struct head *h, const char *dictionary, struct error *e) {
    const char *order = npy_value(dictionary, "'fortran_order'"), *shape = npy_value(dictionary, "'shape'");
    unsigned long long rows, width;
    int end = 0;
    if (!order || strncmp(order, "False", 5) != 0)
        error_set(e, EX_DATAERR, "fortran_order is not False: its rows do not lie together");
    else if (!shape || sscanf(shape, "(%llu , %llu %n", &rows, &width, &end) != 2 || end == 0 ||
             shape[end] != ')')
        error_set(e, EX_DATAERR, "its shape is %.*s: expected two dimensions",
                  shape ? (int)strcspn(shape, ")") + 1 : 0, shape ? shape : "");
    else if (width == 0 || width > UINT32_MAX)
        error_set(e, EX_DATAERR, "its rows hold %llu numbers", width);
    if (e->status)
        return false;
    h->rows = rows;
    h->width = width;
    h->items = rows * width;
    h->record = width * number_bytes(h->type);
    return true;
}

bool npy_head(struct head *h, const char *text, uint64_t bytes, struct error *e) {
    static const char magic[] = "\x93NUMPY";
    const uint8_t *b = (const uint8_t *)text;
    *h = (struct head){0};
    if (bytes < 12 || memcmp(text, magic, 6) != 0 || b[6] < 1 || b[6] > 3) {
        error_set(e, EX_DATAERR, "is no .npy file of version 1, 2 or 3");
        return false;
    }
    uint64_t begin = b[6] == 1 ? 10 : 12, length = b[8] + 256u * b[9];
    if (b[6] > 1)
        length += 65536u * b[10] + 16777216u * (uint64_t)b[11];
    char dictionary[1024];
    if (begin + length > bytes || length >= sizeof dictionary) {
        error_set(e, EX_DATAERR,
                  "its header has %" PRIu64 " bytes, which is more than there are or than it needs", length);
        return false;
    }
    memcpy(dictionary, text + begin, length);
    dictionary[length] = 0;
    h->bytes = begin + length;
    return npy_type(h, dictionary, e) && npy_shape(h, dictionary, e);
}

uint64_t fixed_extent(const struct head *h, const char *text, uint64_t bytes) {
    (void)text;
    (void)bytes;
    return h->record ? h->record : UINT64_MAX;
}

static enum outcome cut_short(struct parser *p) {
    return parser_bad(p, "the file ends within it");
}

enum outcome npy_record(struct parser *p, const char *text, uint64_t bytes) {
    if (bytes < p->head->record)
        return cut_short(p);
    buffer_append(&p->rows->items, text, bytes);
    return OUTCOME_ROW;
}

/* The number of coordinates that a row of *vecs begins with, or -1 where there are no four bytes. */
static int64_t width_at(const char *text, uint64_t bytes) {
    int32_t d = -1;
    if (bytes >= sizeof d)
        memcpy(&d, text, sizeof d);
    return d;
}

static bool vecs_head(struct head *h, const char *text, uint64_t bytes, enum number type) {
    *h = (struct head){.rows = UINT64_MAX, .items = UINT64_MAX, .type = type};
    int64_t d = width_at(text, bytes);
    if (d > 0) { /* else the first record will be told to be bad, and is all there is */
        h->width = (uint64_t)d;
        h->record = sizeof(int32_t) + (uint64_t)d * number_bytes(type);
    }
    return true;
}

bool fvecs_head(struct head *h, const char *text, uint64_t bytes, struct error *e) {
    (void)e;
    return vecs_head(h, text, bytes, NUMBER_F32);
}

bool bvecs_head(struct head *h, const char *text, uint64_t bytes, struct error *e) {
    (void)e;
    return vecs_head(h, text, bytes, NUMBER_U8);
}

/* Whether a row is as long as the first of its file, and all there. */
static bool check_row(struct parser *p, const char *text, uint64_t bytes) {
    int64_t d = width_at(text, bytes), width = (int64_t)p->head->width;
    if (bytes >= sizeof(int32_t) && d <= 0)
        parser_bad(p, "%" PRId64 " is not a number of coordinates", d);
    else if (d != width && d > 0)
        parser_bad(p, "holds %" PRId64 " numbers, and the first of the file holds %" PRId64, d, width);
    else if (bytes < p->head->record || d < 0)
        cut_short(p);
    return !p->error.status;
}

enum outcome vecs_record(struct parser *p, const char *text, uint64_t bytes) {
    if (!check_row(p, text, bytes))
        return OUTCOME_BAD;
    buffer_append(&p->rows->items, text + sizeof(int32_t), bytes - sizeof(int32_t));
    return OUTCOME_ROW;
}

enum outcome ivecs_record(struct parser *p, const char *text, uint64_t bytes) {
    if (!check_row(p, text, bytes))
        return OUTCOME_BAD;
    for (uint64_t at = sizeof(int32_t); at < bytes; at += sizeof(int32_t)) {
        int32_t v;
        memcpy(&v, text + at, sizeof v);
        if (v < 0)
            return parser_bad(p, "%" PRId32 " is negative", v);
        parser_element(p, (uint64_t)v);
    }
    return OUTCOME_ROW;
}
