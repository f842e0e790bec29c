/* Lines and JSON lines to sets of shingles. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "forms.h"
#include "parser.h"

bool text_head(struct head *h, const char *text, uint64_t bytes, struct error *e) {
    (void)e;
    *h = (struct head){.rows = UINT64_MAX, .items = UINT64_MAX, .type = NUMBER_F32};
    h->bytes = bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    return true;
}

static enum outcome shingles_of(struct parser *p, const char *text, uint64_t bytes) {
    shingle_text(&p->settings->shingling, text, bytes, &p->text, &p->rows->items, &p->rows->invalid);
    return OUTCOME_ROW;
}

enum outcome lines_record(struct parser *p, const char *text, uint64_t bytes) {
    return parser_take_id(p, &text, &bytes) ? shingles_of(p, text, bytes) : OUTCOME_BAD;
}

/* The value at a path of names with dots between them, or NULL. */
static const json_t *field_of(const json_t *object, const char *path) {
    while (object) {
        size_t n = strcspn(path, ".");
        char name[256];
        if (n >= sizeof name)
            return NULL;
        memcpy(name, path, n);
        name[n] = 0;
        object = json_object_get(object, name); /* NULL of what is no object */
        if (!path[n])
            return object;
        path += n + 1;
    }
    return NULL;
}

/* A line as JSON, or NULL with the reason told. */
static json_t *load(struct parser *p, const char *text, uint64_t bytes) {
    json_error_t why;
    json_t *line = json_loadb(text, bytes, JSON_ALLOW_NUL, &why);
    if (!line && json_error_code(&why) == json_error_invalid_utf8) {
        struct folding none;
        folding_make(&none, false, false, false);
        p->rows->invalid += text_fold(&none, text, bytes, &p->fields);
        line = json_loadb(p->fields.data, p->fields.bytes, JSON_ALLOW_NUL, &why);
    }
    if (!line &&
        json_error_code(&why) == json_error_numeric_overflow) /* of no matter in a field not asked for */
        line = json_loadb(text, bytes, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &why);
    if (!line)
        parser_bad(p, "no JSON: %s, at column %d", why.text, why.column);
    return line;
}

/* The id, kept in p->fields. */
static bool take_id(struct parser *p, const json_t *line) {
    const char *name = p->settings->id_field;
    const json_t *id = field_of(line, name);
    if (!json_is_string(id) && !json_is_integer(id)) {
        parser_bad(
            p, id ? "the field '%s' is neither a string nor an integer below 2^63" : "there is no field '%s'",
            name);
        return false;
    }
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(id));
    bool is_string = json_is_string(id);
    p->fields.bytes = 0;
    p->id_bytes = is_string ? json_string_length(id) : (uint64_t)n;
    buffer_append(&p->fields, is_string ? json_string_value(id) : digits, p->id_bytes);
    p->id = p->fields.data;
    return true;
}

static bool is_blank(const char *text, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return false;
    return true;
}

enum outcome jsonl_record(struct parser *p, const char *text, uint64_t bytes) {
    const char *name = p->settings->text_field ? p->settings->text_field : "text";
    if (is_blank(text, bytes))
        return OUTCOME_NOTHING;
    json_t *line = load(p, text, bytes);
    if (!line)
        return OUTCOME_BAD;
    const json_t *value = field_of(line, name);
    enum outcome outcome = OUTCOME_BAD;
    if (!json_is_object(line))
        parser_bad(p, "expected an object");
    else if (!json_is_string(value))
        parser_bad(p, value ? "the field '%s' is not a string" : "there is no field '%s'", name);
    else if (!p->settings->ids || take_id(p, line))
        outcome = shingles_of(p, json_string_value(value), json_string_length(value));
    json_decref(line);
    return outcome;
}
