/* Vectors as numbers in lines. */
#include <math.h>
#include <string.h>
#include <strings.h>

#include "forms.h"
#include "parser.h"
#include "scan.h"

/* From behind a number to the next: over spaces with at most one comma or semicolon among them. */
static const char *next_field(const char *at, const char *end) {
    at = scan_spaces(at, end);
    if (at < end && (*at == ',' || *at == ';'))
        at = scan_spaces(at + 1, end);
    return at;
}

static bool is_separator(char c) {
    return is_space(c) || c == ',' || c == ';';
}

/* A field that is no number. A file's first line that begins with one is its header; one that goes on so is a
 * row with a mistake, which is not to be lost quietly. */
static enum outcome no_number(struct parser *p, bool begins, const char *at, const char *end) {
    char found[44];
    uint64_t n = 0;
    while (at + n < end && !is_separator(at[n]))
        n++;
    parser_quote(found, at, n);
    const char *word = found + strspn(found, "+-");
    if (strncasecmp(word, "nan", 3) == 0 || strncasecmp(word, "inf", 3) == 0)
        return parser_bad(p, "'%s' is not finite", found);
    if (p->is_first && begins)
        return OUTCOME_NOTHING;
    return parser_bad(p, "expected a number, found '%s'", found);
}

enum outcome csv_record(struct parser *p, const char *text, uint64_t bytes) {
    struct buffer *items = &p->rows->items;
    uint64_t before = items->bytes;
    if (scan_spaces(text, text + bytes) == text + bytes)
        return OUTCOME_NOTHING;
    if (!parser_take_id(p, &text, &bytes)) {
        p->error.status = p->is_first ? 0 : p->error.status;
        return p->is_first ? OUTCOME_NOTHING : OUTCOME_BAD;
    }
    const char *end = text + bytes, *at = scan_spaces(text, end), *last = NULL;
    while (at < end || (last && (*last == ',' || *last == ';'))) {
        const char *first = at;
        double value;
        float v;
        if (!scan_decimal(&at, end, &value, &v) || (at < end && !is_separator(*at))) {
            return no_number(p, items->bytes == before, first, end);
        }
        if (!isfinite(v))
            return parser_bad(p, "the number %.*s is too large", (int)min_u64(40, (uint64_t)(at - first)),
                              first);
        buffer_append(items, &v, sizeof v);
        at = next_field(at, end);
        last = at > text ? at - 1 : NULL;
        while (last && last > first && is_space(*last))
            last--;
    }
    if (memchr(text, ';', bytes) && memchr(text, ',', bytes))
        return parser_bad(p, "holds both ',' and ';': one of them may be a decimal point");
    return OUTCOME_ROW;
}
