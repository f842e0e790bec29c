#include "index_about.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/sketch.h"

/* A number to the last bit. */
static json_t *exact_number(double v) {
    char text[40];
    snprintf(text, sizeof text, "%a", v);
    return json_string(text);
}

static json_t *number(uint64_t v) {
    return json_integer((json_int_t)v);
}

/* Of containment: which classes of size there are, and the bands of each tier. */
static json_t *tiers_json(const struct drawing *d) {
    json_t *tiers = json_array();
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        const struct tier *t = &d->tier[k];
        json_array_append_new(tiers, json_pack("[i, i, i, i, i, o, o]", (int)t->step, (int)t->first,
                                               (int)t->bands, (int)t->rows, (int)t->pool,
                                               exact_number(t->ratio), exact_number(t->takers)));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "ratio", exact_number(d->ratio), "left classes",
                     number(d->classes[0]), "right classes", number(d->classes[1]), "tiers", tiers);
}

static json_t *plan_json(const struct drawing *d) {
    json_t *left_out = json_array();
    for (uint32_t k = 0; k < d->n_left_out; k++)
        json_array_append_new(left_out, json_integer(d->left_out[k]));
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o}", "bands", (int)d->bands,
                     "rows", (int)d->rows, "pool", (int)d->pool, "probes", (int)d->probes, "symbol bits",
                     (int)d->symbol_bits, "cut", (int)d->cut, "seed", number(d->seed), "width",
                     exact_number(d->width), "norm", exact_number(d->norm), "most items",
                     number(d->most_items), "left out", left_out, "sizes", tiers_json(d));
}

char *index_about_write(const struct options *o, const struct inputs *in, const struct plan *p,
                        uint64_t data_bytes) {
    const struct input *of = &in->of[0];
    char *file = realpath(of->file, NULL);
    json_t *about = json_pack(
        "{s:i, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:i, s:o, s:o}", "format", INDEX_FORMAT,
        "program", "lshjoin " LSHJOIN_VERSION, "file", json_string(file ? file : of->file), "object",
        of->object, "kind", of->kind, "rows", number(of->rows), "elements", number(of->elements),
        "bytes of the file", number(data_bytes), "metric", in->family->metric, "threshold",
        o->threshold_text ? o->threshold_text : "", "radius", o->radius_text ? o->radius_text : "",
        "bytes of an item", (int)in->records.item, "columns",
        number(in->records.offset ? 0 : in->records.width), "plan", plan_json(&p->drawing));
    char *text = about ? json_dumps(about, JSON_INDENT(1)) : NULL;
    json_decref(about);
    free(file);
    return text;
}

static bool copy(char *out, size_t room, const char *text) {
    return (size_t)snprintf(out, room, "%s", text) < room;
}

/* What of a plan could make a reader stumble. */
static bool is_possible(const struct drawing *d, const struct family *f) {
    if (d->bands < 1 || d->bands > UINT16_MAX || d->rows < 1 || d->rows > 1024 || d->pool > 1 << 20 ||
        d->n_left_out > DRAWING_MOST_LEFT_OUT || (d->pool && d->rows > d->pool) || isnan(d->width) ||
        isnan(d->norm) || (d->probes && !f->probes))
        return false;
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        const struct tier *t = &d->tier[k];
        if (t->rows < 1 || t->rows > d->rows || t->pool > 1 << 20 || (t->pool && t->rows > t->pool) ||
            t->bands > d->bands || t->first > d->bands - t->bands || abs(t->step) >= SIZE_CLASSES)
            return false;
    }
    if (!d->symbol_bits)
        return d->n_left_out == 0;
    return d->symbol_bits == f->symbol_bits && d->pool * d->symbol_bits % 64 == 0 && d->pool > 0 &&
           d->pool * d->symbol_bits <= 512;
}

static bool read_tiers(struct drawing *d, json_t *sizes) {
    const char *ratio, *takers;
    json_int_t left, right;
    json_t *tiers, *one;
    size_t k;
    if (json_unpack(sizes, "{s:s, s:I, s:I, s:o}", "ratio", &ratio, "left classes", &left, "right classes",
                    &right, "tiers", &tiers) != 0 ||
        json_array_size(tiers) > SIZE_STEPS)
        return false;
    d->ratio = strtod(ratio, NULL);
    d->classes[0] = (uint64_t)left;
    d->classes[1] = (uint64_t)right;
    d->n_tiers = (uint32_t)json_array_size(tiers);
    json_array_foreach(tiers, k, one) {
        int step, first, bands, rows, pool;
        if (json_unpack(one, "[i, i, i, i, i, s, s]", &step, &first, &bands, &rows, &pool, &ratio, &takers) !=
            0)
            return false;
        d->tier[k] = (struct tier){.step = step,
                                   .first = (uint32_t)first,
                                   .bands = (uint32_t)bands,
                                   .rows = (uint32_t)rows,
                                   .pool = (uint32_t)pool,
                                   .ratio = strtod(ratio, NULL),
                                   .takers = strtod(takers, NULL)};
    }
    return true;
}

static bool read_plan(struct drawing *d, json_t *plan, const struct family *f) {
    int bands, rows, pool, probes, symbol_bits, cut;
    json_int_t seed, most_items;
    const char *width, *norm;
    json_t *left_out, *one, *sizes;
    if (json_unpack(plan, "{s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:s, s:s, s:I, s:o, s:o}", "bands", &bands,
                    "rows", &rows, "pool", &pool, "probes", &probes, "symbol bits", &symbol_bits, "cut", &cut,
                    "seed", &seed, "width", &width, "norm", &norm, "most items", &most_items, "left out",
                    &left_out, "sizes", &sizes) != 0)
        return false;
    *d = (struct drawing){.bands = (uint32_t)bands,
                          .rows = (uint32_t)rows,
                          .pool = (uint32_t)pool,
                          .probes = (uint32_t)probes,
                          .symbol_bits = (uint32_t)symbol_bits,
                          .cut = (uint32_t)cut,
                          .seed = (uint64_t)seed,
                          .width = strtod(width, NULL),
                          .norm = strtod(norm, NULL),
                          .most_items = (uint64_t)most_items,
                          .n_left_out = (uint32_t)json_array_size(left_out)};
    size_t k;
    json_array_foreach(left_out, k, one) if (k < DRAWING_MOST_LEFT_OUT) d->left_out[k] =
        (uint16_t)json_integer_value(one);
    return read_tiers(d, sizes) && is_possible(d, f);
}

/* The members that the format promises. */
static bool read_members(struct index *x, struct indexes *all, json_t *about) {
    const char *file, *object, *kind, *metric, *threshold, *radius;
    json_int_t rows, elements, bytes, columns;
    int item;
    json_t *plan;
    if (json_unpack(about, "{s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:i, s:I, s:o}", "file", &file,
                    "object", &object, "kind", &kind, "rows", &rows, "elements", &elements,
                    "bytes of the file", &bytes, "metric", &metric, "threshold", &threshold, "radius",
                    &radius, "bytes of an item", &item, "columns", &columns, "plan", &plan) != 0)
        return false;
    x->data.rows = (uint64_t)rows;
    x->data.elements = (uint64_t)elements;
    x->data_bytes = (uint64_t)bytes;
    x->item = (size_t)item;
    x->data.kind = strcmp(kind, "dense") == 0 ? "dense" : strcmp(kind, "flat") == 0 ? "flat" : "csr";
    all->columns = (uint64_t)columns;
    all->family = family_find(metric);
    return rows >= 0 && (uint64_t)rows <= SHARD_MAX_LOCAL && (item == 4 || item == 8 || item == 16) &&
           all->family && all->family->is_of_vectors == (columns > 0) &&
           copy(x->data.file, sizeof x->data.file, file) &&
           copy(x->data.object, sizeof x->data.object, object) &&
           copy(all->threshold, sizeof all->threshold, threshold) &&
           copy(all->radius, sizeof all->radius, radius) && read_plan(&all->plan.drawing, plan, all->family);
}

int index_about_read(struct index *x, struct indexes *all, const char *text, uint64_t n, struct error *e) {
    json_t *about = json_loadb(text, n, 0, NULL);
    json_int_t format = json_integer_value(json_object_get(about, "format"));
    if (!about || format == 0)
        error_set(e, EX_DATAERR, "%s: is no index of lshjoin", x->file);
    else if (format != INDEX_FORMAT)
        error_set(e, EX_DATAERR,
                  "%s: has format %lld, and this program reads %d: make it again with --save-index", x->file,
                  (long long)format, INDEX_FORMAT);
    else if (!read_members(x, all, about))
        error_set(e, EX_DATAERR, "%s: is damaged: what it says of itself makes no sense", x->file);
    json_decref(about);
    return e->status;
}
