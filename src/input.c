#include "input.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "h5_read.h"
#include "lshjoin/distance.h"
#include "lshjoin/text_read.h"

/* One input while it is read: an HDF5 file, open on every rank, or a text, which rank 0 reads and all ranks
 * then hold whole (it is the form of mhash, whose users' data fits one machine; what doesn't belongs in
 * HDF5). */
struct source {
    struct input *input;
    bool is_text;
    uint64_t base; /* global number of its first row */
    struct h5_records h5;
    struct records text;
    struct metrics *metrics; /* to tell progress */
};

/* Whether the first `length` bytes of a name name a file. */
static bool names_file(const char *name, size_t length) {
    char file[4096];
    struct stat info;
    return length < sizeof file && snprintf(file, sizeof file, "%.*s", (int)length, name) > 0 &&
           stat(file, &info) == 0;
}

/* "file" or "file:/object": the shortest part before a ":/" that is a file, unless the whole is one. */
static int split_name(const char *name, struct input *in, struct error *e) {
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

/* Rank 0: the databases of one text, `n` of them, into consecutive sources. */
static int read_text(struct source *s, int n, struct error *e) {
    bool is_stdin = strcmp(s->input->file, "-") == 0;
    const char *name = is_stdin ? "standard input" : s->input->file;
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

/* Rank 0 finds the object; the others open it by its name. */
static void open_h5(struct source *s, struct comm *c, const struct options *o, struct error *e) {
    struct input *in = s->input;
    bool vectors = o->radius_text || (o->family && o->family->is_of_vectors);
    enum h5_content wanted = vectors ? H5_VECTORS : o->family ? H5_SETS : H5_EITHER;
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
    if (in->n == 2 && s[0].h5.columns != s[1].h5.columns)
        error_set(e, EX_DATAERR, "%s: vectors of %llu coordinates, but those of %s have %llu",
                  s[1].input->file, (unsigned long long)s[1].h5.columns, s[0].input->file,
                  (unsigned long long)s[0].h5.columns);
    if (distance ? o->threshold_text != NULL : o->radius_text != NULL)
        error_set(e, EX_USAGE, "the metric %s takes %s", metric,
                  distance ? "--radius, not --threshold" : "--threshold, not --radius");
    if (o->probes && !in->family->probes)
        error_set(e, EX_USAGE, "--probes: the metric %s is not probed (cosine, l2 and ip are)", metric);
    if (distance && !o->radius_text && !o->width && !o->exact)
        error_set(e, EX_USAGE, "the metric l2 needs --radius (or, for candidates or --top-k alone, --width)");
}

static int open_sources(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                        struct error *e) {
    for (int i = 0; i < 2; i++)
        s[i].input = &in->of[i];
    for (int i = 0; i < o->n_inputs; i++) {
        if (!split_name(o->inputs[i], &in->of[i], e) && comm_rank(c) == 0)
            recognise(&s[i], e);
        comm_broadcast(c, &s[i].is_text, sizeof s[i].is_text);
    }
    if (comm_failed(c, e))
        return e->status;
    in->n = o->n_inputs;
    bool two_in_one = in->n == 1 && s[0].is_text && !o->exclusive; /* queries, then targets */
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
    in->family = choose_family(&s[0], o);
    check_family(in, s, o, e);
    comm_failed(c, e);
    return e->status;
}

/* Lengths of rows [first, first + n) of a source, refused where a set is too long. */
static int row_lengths(struct source *s, uint64_t first, uint64_t n, uint64_t *length, struct error *e) {
    if (s->is_text)
        for (uint64_t i = 0; i < n; i++)
            length[i] = records_length(&s->text, first + i);
    else
        h5_records_lengths(&s->h5, first, n, length, e);
    for (uint64_t i = 0; i < n && !e->status; i++)
        if (length[i] > INT_MAX)
            error_set(e, EX_DATAERR, "%s: row %llu: a set of %llu elements (at most 2^31-1)", s->input->file,
                      (unsigned long long)(first + i), (unsigned long long)length[i]);
    return e->status;
}

/* Where each rank's rows begin: at the first row before which at least its share of the work lies, an element
 * and a row counted as one each. Every rank looks at an equal number of rows of each input. */
static int share_out(struct inputs *in, struct source *s, struct comm *c, struct error *e) {
    struct shard *shard = &in->shard;
    uint64_t size = (uint64_t)comm_size(c), rank = (uint64_t)comm_rank(c);
    uint64_t *length[2] = {NULL, NULL}, first[2] = {0, 0}, n[2] = {0, 0}, before[2] = {0, 0}, sum[2] = {0, 0};
    for (int i = 0; i < in->n; i++) {
        uint64_t rows = in->of[i].rows;
        first[i] = rows / size * rank + min_u64(rank, rows % size);
        n[i] = rows / size + (rank < rows % size);
        length[i] = mem_alloc(n[i], sizeof **length);
        row_lengths(&s[i], first[i], n[i], length[i], e);
        for (uint64_t k = 0; k < n[i] && !e->status; k++)
            sum[i] += length[i][k] + 1;
        before[i] = comm_sum_before(c, sum[i]);
    }
    comm_sum(c, sum, 2);
    before[1] += sum[0];
    comm_failed(c, e);
    for (int i = 0; i < in->n && !e->status; i++)
        if (!s[i].is_text)
            h5_records_check_total(&s[i].h5, sum[i] - in->of[i].rows, e);
    *shard = (struct shard){
        .ranks = (int)size, .rank = (int)rank, .self_join = in->n == 1, .split = in->of[0].rows};
    shard->rows = in->of[0].rows + (in->n == 2 ? in->of[1].rows : 0);
    shard->start = mem_alloc(size + 1, sizeof *shard->start);
    for (uint64_t r = 0; r <= size; r++)
        shard->start[r] = shard->rows;
    if (!comm_failed(c, e)) {
        uint64_t share = (sum[0] + sum[1] + size - 1) / size;
        for (int i = 0; i < in->n; i++)
            for (uint64_t k = 0, r = 0; k < n[i]; k++) {
                for (; r < size && before[i] >= r * share; r++)
                    shard->start[r] = min_u64(shard->start[r], s[i].base + first[i] + k);
                before[i] += length[i][k] + 1;
            }
        comm_min(c, shard->start, size);
    }
    free(length[0]);
    free(length[1]);
    return e->status;
}

/* The rows of source i that this rank holds, by the source's own numbers: from *first on. */
static uint64_t my_rows(const struct inputs *in, const struct source *s, uint64_t *first) {
    uint64_t lo = max_u64(in->shard.start[in->shard.rank], s->base);
    uint64_t hi = min_u64(in->shard.start[in->shard.rank + 1], s->base + s->input->rows);
    *first = lo < hi ? lo - s->base : 0;
    return lo < hi ? hi - lo : 0;
}

/* Elements [first, first + n) of a file, in slices, so that there is progress to tell. */
static void read_h5(struct source *s, uint64_t first, uint64_t n, void *out, uint64_t *bad, struct error *e) {
    uint64_t whole = max_u64(1, s->h5.columns), slice = max_u64(1, ((uint64_t)8 << 20) / whole) * whole;
    *bad = UINT64_MAX;
    for (uint64_t at = 0; at < n && !e->status && *bad == UINT64_MAX; at += slice) {
        metrics_progress(s->metrics, (double)at / (double)n, at);
        h5_records_elements(&s->h5, first + at, min_u64(slice, n - at), (char *)out + at * s->h5.width, bad,
                            e);
    }
}

/* Elements [first, first + n) of a source into `out`, items of `item` bytes, at least the source's own width.
 */
static void read_elements(struct source *s, uint64_t first, uint64_t n, size_t item, void *out, uint64_t *bad,
                          struct error *e) {
    size_t width = s->is_text ? sizeof(uint32_t) : s->h5.width;
    void *own = width == item ? out : mem_alloc(n, width);
    if (s->is_text)
        memcpy(own, (const uint32_t *)s->text.data + first, n * width);
    else
        read_h5(s, first, n, own, bad, e);
    if (own == out)
        return;
    for (uint64_t k = 0; k < n; k++)
        ((uint64_t *)out)[k] = ((const uint32_t *)own)[k];
    free(own);
}

/* Append this rank's rows of a source to the sets, which already hold `rows` rows and have offsets for all.
 * Collective. */
static void read_rows(struct inputs *in, struct source *s, struct comm *c, uint64_t rows, struct error *e) {
    struct records *sets = &in->records;
    uint64_t first, n = my_rows(in, s, &first), *offset = sets->offset + rows, bad = UINT64_MAX;
    uint64_t *length = mem_alloc(n, sizeof *length);
    row_lengths(s, first, n, length, e);
    for (uint64_t k = 0; k < n && !e->status; k++)
        offset[k + 1] = offset[k] + length[k];
    free(length);
    uint64_t items = e->status ? 0 : offset[n] - offset[0];
    uint64_t first_item = comm_sum_before(c, items);
    if (comm_failed(c, e))
        return;
    sets->data = mem_grow(sets->data, offset[n], sets->item);
    read_elements(s, first_item, items, sets->item, (char *)sets->data + offset[0] * sets->item, &bad, e);
    if (bad != UINT64_MAX) {
        uint64_t row = 0;
        while (offset[row + 1] - offset[0] <= bad - first_item)
            row++;
        error_set(e, EX_DATAERR, "%s: %s: row %llu holds a negative element (elements must be 0 or more)",
                  s->input->file, s->input->object, (unsigned long long)(first + row));
    }
    comm_failed(c, e);
}

static void read_sets(struct inputs *in, struct source *s, struct comm *c, struct error *e) {
    struct records *sets = &in->records;
    uint64_t ignored;
    sets->offset = mem_zero(sets->n + 1, sizeof *sets->offset);
    read_rows(in, &s[0], c, 0, e);
    if (in->n == 2 && !e->status)
        read_rows(in, &s[1], c, my_rows(in, &s[0], &ignored), e);
}

/* Larger coordinates could make a projection overflow. */
static const double most_norm = 1e30;

/* What is wrong with a vector, or NULL. */
static const char *fault(const struct records *r, uint64_t row, bool refuses_zero) {
    const void *x = records_row(r, row);
    double squares = 0, coordinate;
    for (uint64_t k = 0; k < r->width; k++) {
        coordinate = r->item == sizeof(float) ? (double)((const float *)x)[k] : ((const double *)x)[k];
        if (!isfinite(coordinate))
            return "holds a number that is not finite";
        squares += coordinate * coordinate;
    }
    if (squares > most_norm * most_norm)
        return "is longer than 1e30";
    if (refuses_zero && squares < 1e-60) /* below it, squares of single precision vanish too */
        return "is zero: it has no direction, and no cosine";
    return NULL;
}

/* Bad rows are an error, or, where they are to be left out, become NaN, which pairs with nothing. */
static void check_vectors(struct inputs *in, const struct source *s, const struct options *o,
                          struct error *e) {
    struct records *r = &in->records;
    enum simd simd = cpu_simd();
    for (uint64_t row = 0; row < r->n && !e->status; row++) {
        const char *wrong = fault(r, row, in->family->refuses_zero);
        uint64_t global = in->shard.start[in->shard.rank] + row;
        const struct source *of = &s[in->n == 2 && global >= s[1].base];
        if (wrong && !o->skip_bad_rows)
            error_set(e, EX_DATAERR, "%s: %s: row %llu %s (--skip-bad-rows leaves such rows out)",
                      of->input->file, of->input->object, (unsigned long long)(global - of->base), wrong);
        else if (wrong && r->item == sizeof(float))
            *((float *)r->data + row * r->width) = NAN;
        else if (wrong)
            *((double *)r->data + row * r->width) = NAN;
        in->skipped += wrong != NULL;
        if (!wrong) {
            const void *x = records_row(r, row);
            double norm = sqrt(vector_moments(x, x, r->width, r->item, simd).xx);
            in->largest_norm = norm > in->largest_norm ? norm : in->largest_norm;
        }
    }
}

static void read_vectors(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                         struct error *e) {
    struct records *r = &in->records;
    r->width = s[0].h5.columns;
    r->data = mem_alloc(records_items(r), r->item);
    char *next = r->data;
    for (int i = 0; i < in->n && !e->status; i++) {
        uint64_t first, n = my_rows(in, &s[i], &first), items = n * r->width, bad;
        float *narrow = s[i].h5.width == r->item ? NULL : mem_alloc(items, sizeof *narrow);
        read_h5(&s[i], first * r->width, items, narrow ? (void *)narrow : (void *)next, &bad, e);
        for (uint64_t k = 0; narrow && k < items; k++)
            ((double *)next)[k] = narrow[k];
        free(narrow);
        next += items * r->item;
    }
    if (!e->status)
        check_vectors(in, s, o, e);
    if (!comm_failed(c, e))
        comm_max_double(c, &in->largest_norm, 1);
}

static int read_records(struct inputs *in, struct source *s, struct comm *c, struct pool *pool,
                        const struct options *o, struct error *e) {
    uint64_t n = shard_local_rows(&in->shard);
    if (in->shard.rows > SHARD_MAX_ROWS)
        error_set(e, EX_DATAERR, "%llu rows in all: at most 2^40", (unsigned long long)in->shard.rows);
    else if (n > SHARD_MAX_LOCAL)
        error_set(e, EX_DATAERR, "%llu rows for one rank: at most 2^32-1; use more ranks",
                  (unsigned long long)n);
    if (comm_failed(c, e))
        return e->status;
    in->records = (struct records){.n = n, .item = sizeof(uint32_t)};
    for (int i = 0; i < in->n; i++)
        if (!s[i].is_text && s[i].h5.width > in->records.item)
            in->records.item = s[i].h5.width;
    if (in->family->is_of_vectors) {
        read_vectors(in, s, c, o, e);
        return e->status;
    }
    read_sets(in, s, c, e);
    if (e->status)
        return e->status;
    if (in->records.item == sizeof(uint64_t)) {
        uint64_t largest = records_max_element(&in->records);
        comm_max(c, &largest, 1);
        if (largest <= UINT32_MAX)
            records_narrow(&in->records);
    }
    records_sort_sets(&in->records, pool);
    return 0;
}

int inputs_read(struct inputs *in, struct comm *c, struct pool *pool, const struct options *o,
                struct metrics *m, struct error *e) {
    struct source s[2] = {{.metrics = m}, {.metrics = m}};
    *in = (struct inputs){0};
    metrics_phase(m, "read", "elements");
    if (!open_sources(in, s, c, o, e) && !share_out(in, s, c, e))
        read_records(in, s, c, pool, o, e);
    for (int i = 0; i < 2; i++) {
        h5_records_close(&s[i].h5);
        records_free(&s[i].text);
    }
    return e->status;
}

void inputs_free(struct inputs *in) {
    records_free(&in->records);
    free(in->shard.start);
    *in = (struct inputs){0};
}
