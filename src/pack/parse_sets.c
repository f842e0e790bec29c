/* Numbers in lines to sets. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "forms.h"
#include "parser.h"
#include "scan.h"

/* What is wrong with the whole number that was expected at `at`. */
static enum outcome no_whole(struct parser *p, const char *at, const char *end) {
    char found[44];
    uint64_t n = 0;
    while (at + n < end && !is_space(at[n]) && at[n] != ',')
        n++;
    parser_quote(found, at, n);
    if (n > 0 && strspn(found, "0123456789.") == strlen(found) && n >= 20)
        return parser_bad(p, "the number %s is too large", found);
    return parser_bad(p, "expected a whole number, found '%s'", found);
}

enum outcome ints_record(struct parser *p, const char *text, uint64_t bytes) {
    if (!parser_take_id(p, &text, &bytes))
        return OUTCOME_BAD;
    const char *at = text, *end = text + bytes;
    for (;;) {
        while (at < end && (is_space(*at) || *at == ','))
            at++;
        if (at == end)
            return OUTCOME_ROW;
        const char *first = at;
        uint64_t v;
        if (!scan_whole(&at, end, &v) || (at < end && !is_space(*at) && *at != ','))
            return no_whole(p, first, end);
        parser_element(p, v);
    }
}

bool mhash_head(struct head *h, const char *text, uint64_t bytes, struct error *e) {
    text_head(h, text, bytes, e);
    const char *at = text + h->bytes, *end = text + bytes;
    uint64_t *const field[] = {&h->rows, &h->items, &h->bound};
    bool good = true;
    for (int i = 0; i < 3 && good; i++)
        good = (i == 0 || (at < end && *at++ == ',')) && scan_whole(&at, end, field[i]);
    at += at < end && *at == '\r';
    if (!good || (at < end && *at != '\n')) {
        error_set(e, EX_DATAERR, "expected a database (N,D,d)");
        return false;
    }
    h->bytes = (uint64_t)(at - text) + (at < end);
    return true;
}

enum outcome mhash_record(struct parser *p, const char *text, uint64_t bytes) {
    const char *at = text, *end = text + bytes;
    uint64_t m, n = 0, v;
    if (bytes == 0)
        return OUTCOME_NOTHING;
    if (!scan_whole(&at, end, &m) || (at < end && *at != ','))
        return no_whole(p, text, end);
    p->id = text;
    p->id_bytes = (uint64_t)(at - text);
    for (; at < end; n++) {
        const char *first = ++at;
        if (!scan_whole(&at, end, &v) || (at < end && *at != ','))
            return no_whole(p, first, end);
        if (v >= p->head->bound)
            return parser_bad(p, "feature %" PRIu64 " is not below %" PRIu64, v, p->head->bound);
        parser_element(p, v);
    }
    return n == m ? OUTCOME_ROW : parser_bad(p, "expected %" PRIu64 " features, found %" PRIu64, m, n);
}

/* An element and its weight. */
struct weighted {
    uint64_t element;
    float weight;
};

static int compare_weighted(const void *a, const void *b) {
    uint64_t x = ((const struct weighted *)a)->element, y = ((const struct weighted *)b)->element;
    return (x > y) - (x < y);
}

/* Sort what p->fields holds, and append it. */
static enum outcome append_weighted(struct parser *p) {
    struct weighted *w = (struct weighted *)p->fields.data;
    uint64_t n = p->fields.bytes / sizeof *w, rising = 1;
    while (rising < n && w[rising - 1].element < w[rising].element)
        rising++;
    if (rising < n)
        qsort(w, n, sizeof *w, compare_weighted);
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0 && w[i].element == w[i - 1].element)
            return parser_bad(p, "element %" PRIu64 " is given twice", w[i].element);
        parser_element(p, w[i].element);
        buffer_append(&p->rows->weights, &w[i].weight, sizeof w[i].weight);
    }
    return OUTCOME_ROW;
}

/* One "i:v" of [at, end). */
static enum outcome take_pair(struct parser *p, const char *at, const char *end) {
    char found[44];
    const char *first = at;
    uint64_t element;
    double value;
    struct weighted w = {0};
    if ((uint64_t)(end - at) > 4 && memcmp(at, "qid:", 4) == 0)
        return OUTCOME_NOTHING;
    if (!scan_whole(&at, end, &element) || at == end || *at++ != ':' ||
        !scan_decimal(&at, end, &value, &w.weight) || at != end)
        return parser_bad(p, "expected i:v, found '%s'", parser_quote(found, first, (uint64_t)(end - first)));
    if (!isfinite(value) || !isfinite(w.weight))
        return parser_bad(p, "the value of element %" PRIu64 " is too large", element);
    if (value == 0)
        return OUTCOME_NOTHING;
    w.element = element;
    if (p->settings->weights)
        buffer_append(&p->fields, &w, sizeof w);
    else
        parser_element(p, element);
    return OUTCOME_ROW;
}

/* A label: numbers with commas between them. */
static bool is_label(const char *at, const char *end) {
    double value;
    float ignored;
    while (scan_decimal(&at, end, &value, &ignored)) {
        if (at == end)
            return true;
        if (*at++ != ',')
            return false;
    }
    return false;
}

enum outcome libsvm_record(struct parser *p, const char *text, uint64_t bytes) {
    const char *comment = bytes ? memchr(text, '#', bytes) : NULL;
    bytes = comment ? (uint64_t)(comment - text) : bytes;
    if (scan_spaces(text, text + bytes) == text + bytes)
        return OUTCOME_NOTHING;
    if (!parser_take_id(p, &text, &bytes))
        return OUTCOME_BAD;
    const char *end = text + bytes, *stop;
    p->fields.bytes = 0;
    bool is_first = true;
    for (const char *at = scan_spaces(text, end); at < end; at = scan_spaces(stop, end), is_first = false) {
        for (stop = at; stop < end && !is_space(*stop); stop++)
            ;
        if (is_first && is_label(at, stop))
            continue;
        if (take_pair(p, at, stop) == OUTCOME_BAD)
            return OUTCOME_BAD;
    }
    return p->settings->weights ? append_weighted(p) : OUTCOME_ROW;
}
