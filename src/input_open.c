#include "input_open.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "directory.h"
#include "index.h"
#include "lshjoin/text_read.h"

/* Whether the first `length` bytes of a name name a file. */
static bool names_file(const char *name, size_t length) {
    char file[4096];
    struct stat info;
    return length < sizeof file && snprintf(file, sizeof file, "%.*s", (int)length, name) > 0 &&
           stat(file, &info) == 0;
}

int input_split_name(const char *name, struct input *in, struct error *e) {
    const char *colon = names_file(name, strlen(name)) ? NULL : strstr(name, ":/");
    for (const char *next = colon; next; next = strstr(next + 1, ":/")) {
        colon = next; /* if none is a file, the last will be missed */
        if (names_file(name, (size_t)(next - name)))
            break;
    }
    size_t length = colon ? (size_t)(colon - name) : strlen(name);
    if (length >= sizeof in->file || strlen(name + length) > sizeof in->object)
        return error_set(e, EX_USAGE, "'%.100s...': a name too long", name);
    snprintf(in->file, sizeof in->file, "%.*s", (int)length, name);
    snprintf(in->object, sizeof in->object, "%s", colon ? colon + 1 : "");
    return 0;
}

static bool is_file(const char *named, const struct stat *file) {
    struct input in;
    struct error ignored = {0};
    return named && !input_split_name(named, &in, &ignored) && directory_leads_to(in.file, file);
}

bool input_is_named(const struct options *o, const struct indexes *old, const struct stat *file) {
    bool is = is_file(o->deleted, file) || (o->keep == KEEP_SCORE && is_file(o->keep_score, file));
    for (int i = 0; i < o->n_inputs; i++)
        is |= is_file(o->inputs[i], file);
    for (int i = 0; old && i < old->n; i++)
        is |= is_file(old->of[i].file, file) || is_file(old->of[i].data.file, file);
    return is;
}

/* Rank 0 tells whether a file is HDF5, mhash text or neither. */
static int recognise(struct source *s, struct error *e) {
    const char *file = s->input->file;
    struct stat info;
    s->is_text = strcmp(file, "-") == 0 ||
                 (stat(file, &info) == 0 && S_ISFIFO(info.st_mode)); /* can be read but once */
    if (s->is_text || h5_is_hdf5(file))
        return 0;
    FILE *f = fopen(file, "r");
    char line[128];
    if (!f)
        return error_set(e, EX_NOINPUT, "%s: cannot be read: %s", file, strerror(errno));
    errno = 0;
    bool any = fgets(line, sizeof line, f) != NULL;
    if (ferror(f))
        error_set(e, EX_NOINPUT, "%s: cannot be read: %s", file, strerror(errno));
    else if (any && text_is_header(line))
        s->is_text = true;
    else
        error_set(e, EX_DATAERR, "%s: is neither HDF5 nor mhash text (a first line 'N,D,d' was expected)",
                  file);
    fclose(f);
    return e->status;
}

static const char *name_of(const struct input *in) {
    return strcmp(in->file, "-") == 0 ? "standard input" : in->file;
}

/* Rank 0: the databases of one text, `n` of them, into consecutive sources. */
static int read_text(struct source *s, int n, struct error *e) {
    bool is_stdin = strcmp(s->input->file, "-") == 0;
    const char *name = name_of(s->input);
    FILE *f = is_stdin ? stdin : fopen(s->input->file, "r");
    uint64_t line = 0;
    if (!f)
        return error_set(e, EX_NOINPUT, "%s: cannot be read: %s", name, strerror(errno));
    for (int i = 0; i < n && !e->status; i++)
        text_read_sets(f, name, &line, &s[i].text, e);
    if (!e->status)
        text_read_end(f, name, &line, e);
    if (!is_stdin)
        fclose(f);
    return e->status;
}

/* Rank 0's text to every rank. */
static void share_text(struct source *s, struct comm *c) {
    uint64_t size[2] = {s->text.n, s->text.offset ? records_items(&s->text) : 0};
    comm_broadcast(c, size, sizeof size);
    if (comm_rank(c) > 0) {
        s->text = (struct records){.n = size[0], .item = sizeof(uint32_t)};
        s->text.offset = mem_alloc(size[0] + 1, sizeof *s->text.offset);
        s->text.data = mem_alloc(size[1], sizeof(uint32_t));
    }
    comm_broadcast(c, s->text.offset, (size[0] + 1) * sizeof *s->text.offset);
    comm_broadcast(c, s->text.data, size[1] * sizeof(uint32_t));
    s->input->kind = "text";
    s->input->rows = size[0];
    s->input->elements = size[1];
}

static enum h5_content wanted_content(const struct options *o) {
    if (o->radius_text || (o->family && o->family->is_of_vectors))
        return H5_VECTORS;
    if (o->family)
        return o->family->is_weighted ? H5_WEIGHTED : H5_SETS;
    return H5_EITHER;
}

/* Rank 0 finds the object; the others open it by its name. */
static void open_h5(struct source *s, struct comm *c, const struct options *o, struct error *e) {
    struct input *in = s->input;
    enum h5_content wanted = wanted_content(o);
    if (comm_rank(c) == 0)
        h5_records_open(&s->h5, in->file, in->object[0] ? in->object : NULL, wanted, e);
    if (comm_failed(c, e))
        return;
    snprintf(in->object, sizeof in->object, "%s", s->h5.object); /* rank 0's counts */
    comm_broadcast(c, in->object, sizeof in->object);
    if (comm_rank(c) > 0 && h5_records_open(&s->h5, in->file, in->object, wanted, e))
        return;
    in->kind = s->h5.kind;
    in->rows = s->h5.rows;
    in->elements = s->h5.elements;
}

/* By the kind of the data, unless the metric is given: of vectors the one that the file or a radius tells,
 * else cosine. */
static const struct family *choose_family(const struct source *s, const struct options *o) {
    if (o->family)
        return o->family;
    if (s->is_text || !s->h5.columns)
        return &family_jaccard;
    return o->radius_text || strcmp(s->h5.distance, "euclidean") == 0 ? &family_l2 : &family_cosine;
}

/* Whether inputs, metric and what else was asked for go together. */
static void check_family(const struct inputs *in, const struct source *s, const struct options *o,
                         struct error *e) {
    const char *metric = in->family->metric;
    bool distance = in->family == &family_l2;
    for (int i = 0; i < in->n; i++)
        if ((s[i].h5.columns > 0) != in->family->is_of_vectors)
            error_set(e, EX_DATAERR, "%s: %s: the metric %s needs %s", s[i].input->file, s[i].input->object,
                      metric, in->family->is_of_vectors ? "vectors" : "sets");
    for (int i = 0; i < in->n; i++)
        if ((s[i].is_text || s[i].array) && in->family->is_weighted)
            error_set(e, EX_DATAERR, "%s: has no weights, which the metric %s needs (data of a CSR in HDF5)",
                      s[i].input->file, metric);
    if (in->old && s[0].h5.columns != in->old->columns)
        error_set(e, EX_DATAERR, "%s: vectors of %llu coordinates, but those of %s have %llu",
                  s[0].input->file, (unsigned long long)s[0].h5.columns, in->old->of[0].data.file,
                  (unsigned long long)in->old->columns);
    if (in->n == 2 && s[0].h5.columns != s[1].h5.columns)
        error_set(e, EX_DATAERR, "%s: vectors of %llu coordinates, but those of %s have %llu",
                  s[1].input->file, (unsigned long long)s[1].h5.columns, s[0].input->file,
                  (unsigned long long)s[0].h5.columns);
    if (distance ? o->threshold_text != NULL : o->radius_text != NULL)
        error_set(e, EX_USAGE, "the metric %s takes %s", metric,
                  distance ? "--radius, not --threshold" : "--threshold, not --radius");
    if (o->minhash && in->family->is_of_vectors)
        error_set(e, EX_USAGE, "--minhash is for sets, and these are vectors");
    if (o->probes && !in->family->probes)
        error_set(e, EX_USAGE, "--probes: the metric %s is not probed (cosine, l2 and ip are)", metric);
    if (distance && !o->radius_text && !o->width && !o->exact && !in->old)
        error_set(e, EX_USAGE, "the metric l2 needs --radius (or, for candidates or --top-k alone, --width)");
}

int sources_choose_family(struct inputs *in, const struct source *s, const struct options *o,
                          struct error *e) {
    in->family = choose_family(&s[0], o);
    check_family(in, s, o, e);
    return e->status;
}

int sources_open(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                 struct error *e) {
    for (int i = 0; i < 2; i++)
        s[i].input = &in->of[i];
    for (int i = 0; i < o->n_inputs; i++) {
        if (!input_split_name(o->inputs[i], &in->of[i], e) && comm_rank(c) == 0)
            recognise(&s[i], e);
        comm_broadcast(c, &s[i].is_text, sizeof s[i].is_text);
    }
    if (o->save_index && s[0].is_text)
        error_set(e, EX_DATAERR,
                  "%s: is text, and --save-index is of records in an HDF5 file, where later runs read them "
                  "(lshpack makes one of text)",
                  name_of(&in->of[0]));
    if (comm_failed(c, e))
        return e->status;
    in->n = o->n_inputs;
    bool two_in_one = in->n == 1 && s[0].is_text && !o->exclusive && !in->old; /* queries, then targets */
    if (two_in_one) {
        in->n = 2;
        in->of[1] = in->of[0];
        s[1].is_text = true;
    }
    in->is_mhash_stdin = s[0].is_text && strcmp(in->of[0].file, "-") == 0;
    for (int i = 0; i < in->n && !e->told; i++) {
        if (!s[i].is_text)
            open_h5(&s[i], c, o, e);
        else if (comm_rank(c) == 0 && !(two_in_one && i == 1))
            read_text(&s[i], two_in_one ? 2 : 1, e);
    }
    if (comm_failed(c, e))
        return e->status;
    for (int i = 0; i < in->n; i++)
        if (s[i].is_text)
            share_text(&s[i], c);
    s[1].base = in->of[0].rows;
    sources_choose_family(in, s, o, e);
    comm_failed(c, e);
    return e->status;
}

void sources_close(struct source *s) {
    for (int i = 0; i < 2; i++) {
        h5_records_close(&s[i].h5);
        records_free(&s[i].text);
    }
}
