#include "identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "index.h"

/* Collective. Of all rows' hashes, each mixed with the number of its row. */
static uint64_t sum_of_data(struct comm *c, const struct inputs *in) {
    const uint64_t first = in->shard.start[in->shard.rank];
    uint64_t sum = 0;
    for (uint64_t row = 0; row < in->records.n; row++)
        sum += mix64(in->hash[row].low + mix64(first + row));
    comm_sum(c, &sum, 1);
    return sum;
}

/* A number as the shortest text that tells all of it; null where it was not given. */
static json_t *given(bool is_given, double v) {
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    return is_given ? json_string(text) : json_null();
}

static json_t *counted(uint64_t v) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, v);
    return v ? json_string(text) : json_null();
}

static json_t *asked(bool v) {
    return v ? json_string("") : json_null();
}

/* What the indexes say of themselves, in a checksum. */
static json_t *of_indexes(const struct indexes *x) {
    char text[24];
    uint64_t sum = 0;
    for (int i = 0; x && i < x->n; i++)
        sum = mix64(sum + x->of[i].about);
    snprintf(text, sizeof text, "%016" PRIx64, sum);
    return x ? json_string(text) : json_null();
}

static json_t *options_of(const struct options *o, const struct inputs *in) {
    static const char *const minhash[] = {"auto", "classic", "fast"};
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, "
        "s:o, "
        "s:o}",
        "--metric", in->family->metric, "--against", asked(o->against != NULL), "--index",
        of_indexes(in->old), "--deleted", counted(in->deleted), "--threshold",
        given(o->threshold_text, o->threshold.value), "--radius", given(o->radius_text, o->threshold.value),
        "--recall", given(o->recall > 0, o->recall), "--bands", counted(o->bands), "--rows", counted(o->rows),
        "--seed", counted(o->seed), "--top-k", counted(o->top_k), "--pool", counted(o->pool), "--probes",
        counted(o->probes), "--width", given(o->width > 0, o->width), "--exact", asked(o->exact), "--minhash",
        minhash[o->minhash], "--no-sketch", asked(o->no_sketch), "--exclusive", asked(o->exclusive),
        "--skip-bad-rows", asked(o->skip_bad_rows), "--max-bucket", counted(o->max_bucket), "--duplicates",
        o->duplicates == DUPLICATES_GROUPS ? json_string("groups") : json_null());
}

static json_t *data_of(struct comm *c, const struct inputs *in) {
    char sum[24];
    snprintf(sum, sizeof sum, "%016" PRIx64, sum_of_data(c, in));
    json_t *inputs = json_array();
    for (int i = 0; i < in->n; i++)
        json_array_append_new(
            inputs, json_pack("[I, I]", (json_int_t)in->of[i].rows, (json_int_t)in->of[i].elements));
    return json_pack("{s:o, s:i, s:s}", "rows and elements", inputs, "bytes of an element",
                     (int)in->records.item, "checksum", sum);
}

json_t *identity_of(struct comm *c, const struct options *o, const struct inputs *in) {
    return json_pack("{s:s, s:s, s:o, s:o}", "program", "lshjoin", "version", LSHJOIN_VERSION, "options",
                     options_of(o, in), "data", data_of(c, in));
}

/* Text of a value, for a message; to free. */
static char *text_of(const json_t *v) {
    return json_is_string(v) ? strdup(json_string_value(v)) : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
}

static void complain(const char *where, const char *key, const json_t *mine, const json_t *other,
                     struct error *e) {
    char *here = text_of(mine), *there = text_of(other);
    bool is_option = strncmp(key, "--", 2) == 0;
    const char *what = is_option ? "" : "the ";
    if (json_is_null(mine) || !mine)
        error_set(e, EX_USAGE, "%s: is of a job with %s%s%s, which this one has not", where, key,
                  *there ? " " : "", there);
    else if (json_is_null(other) || !other)
        error_set(e, EX_USAGE, "%s: is of a job without %s%s%s, which this one has", where, key,
                  *here ? " " : "", here);
    else
        error_set(e, is_option ? EX_USAGE : EX_DATAERR, "%s: is of another job: there %s%s %s, here %s",
                  where, what, key, there, here);
    free(here);
    free(there);
}

static void compare_members(json_t *mine, const json_t *other, const char *where, struct error *e) {
    const char *key;
    json_t *value;
    json_object_foreach(mine, key, value) if (!json_equal(value, json_object_get(other, key)))
        complain(where, key, value, json_object_get(other, key), e);
}

bool identity_agrees(const json_t *mine, const json_t *other, const char *where, struct error *e) {
    static const char *const heads[] = {"program", "version"}, *const parts[] = {"options", "data"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads && !e->status; i++)
        if (!json_equal(json_object_get(mine, heads[i]), json_object_get(other, heads[i])))
            complain(where, heads[i], json_object_get(mine, heads[i]), json_object_get(other, heads[i]), e);
    for (size_t i = 0; i < sizeof parts / sizeof *parts && !e->status; i++)
        compare_members(json_object_get(mine, parts[i]), json_object_get(other, parts[i]), where, e);
    return !e->status;
}
