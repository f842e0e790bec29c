#include "info.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buffer.h"
#include "h5_info.h"
#include "h5_read.h"
#include "h5_strings.h"
#include "input.h"
#include "survey.h"

/* A chunk beyond it is unpacked again for every piece that is read of it; of smaller ones than this, there
 * are so many that finding them takes the time. */
static const uint64_t huge_chunk = (uint64_t)16 << 20, tiny_chunk = 4096;

struct info {
    const char *file;
    int64_t file_id; /* hid_t */
    struct h5_records records;
    struct buffer warnings; /* lines, printed last */
};

static void warn(struct info *info, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(struct info *info, const char *format, ...) {
    char text[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buffer_append(&info->warnings, "  ", 2);
    buffer_append(&info->warnings, text, strlen(text));
    buffer_append(&info->warnings, "\n", 1);
}

static const char *kind_in_words(const char *kind) {
    return strcmp(kind, "csr") == 0    ? "sets, as CSR (indptr and indices)"
           : strcmp(kind, "flat") == 0 ? "sets, flat (elements beside sizes)"
                                       : "vectors";
}

/* Control characters of a name or a value could drive a terminal. */
static void print_clean(const char *text) {
    for (; *text; text++)
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_object(void *ctx, const char *object, const char *kind) {
    (void)ctx;
    printf("  ");
    print_clean(object);
    printf("  %s\n", kind_in_words(kind));
}

static void print_attribute(void *ctx, const char *name, const char *value) {
    printf("  ");
    print_clean(ctx);
    putchar('@');
    print_clean(name);
    printf(" = ");
    print_clean(value);
    putchar('\n');
}

static void warn_of_chunks(struct info *info, const char *path, const struct h5_layout *l) {
    double mb = 1.0 / (1 << 20);
    if (l->chunk_bytes > huge_chunk)
        warn(info, "%s: a chunk has %.1f MB: ranks that share one unpack it more than once", path,
             (double)l->chunk_bytes * mb);
    else if (l->chunk_bytes && l->chunk_bytes < tiny_chunk && l->stored > huge_chunk)
        warn(info, "%s: chunks of %" PRIu64 " bytes are slow to find; h5repack can make larger ones", path,
             l->chunk_bytes);
    if (l->compression)
        warn(info, "%s: compressed with %s: smaller, but slower to read", path, l->compression);
}

static int print_dataset(struct info *info, const char *path, struct error *e) {
    struct h5_layout l;
    if (h5_layout_read(&l, info->file_id, info->file, path, e))
        return e->status;
    bool two = l.dimensions == 2;
    printf("  ");
    print_clean(path);
    printf(two ? "  %s [%" PRIu64 ", %" PRIu64 "]" : "  %s [%" PRIu64 "]", l.type, l.extent[0], l.extent[1]);
    if (l.chunk_bytes)
        printf(two ? ", chunks of [%" PRIu64 ", %" PRIu64 "]" : ", chunks of [%" PRIu64 "]", l.chunk[0],
               l.chunk[1]);
    else
        printf(", in one piece");
    printf("%s%s, %" PRIu64 " bytes\n", l.filters[0] ? ", " : "", l.filters, l.stored);
    warn_of_chunks(info, path, &l);
    return 0;
}

static int print_datasets(struct info *info, struct error *e) {
    const struct h5_records *s = &info->records;
    if (s->columns > 0)
        return print_dataset(info, s->object, e);
    struct h5_parts parts = h5_parts_of(s->object, s->kind);
    if (!print_dataset(info, parts.offsets, e))
        print_dataset(info, parts.elements, e);
    return e->status;
}

static void print_sets(struct info *info, const struct survey *v) {
    const struct h5_records *s = &info->records;
    printf("sizes of sets\n  min %" PRIu64 ", median %" PRIu64 ", p99 %" PRIu64 ", max %" PRIu64
           ", mean %.1f\n",
           v->shortest, v->median, v->p99, v->longest, s->rows ? (double)v->elements / (double)s->rows : 0.0);
    printf("  %" PRIu64 " empty (they pair with nothing)\n", v->empty);
    if (v->elements > 0)
        printf("elements\n  from %" PRIu64 " to %" PRIu64 ", %zu bytes each in memory\n", v->least,
               v->greatest, v->greatest > UINT32_MAX ? sizeof(uint64_t) : sizeof(uint32_t));
    if (v->unsorted)
        warn(info, "%" PRIu64 " sets are not sorted (lshjoin sorts them)", v->unsorted);
    if (v->repeating)
        warn(info, "%" PRIu64 " sorted sets hold elements twice (lshjoin takes them once)", v->repeating);
    if (s->elements > v->elements)
        warn(info, "%" PRIu64 " elements at the end belong to no set", s->elements - v->elements);
}

static void print_vectors(struct info *info, const struct survey *v) {
    if (v->refused < info->records.rows)
        printf("norms\n  from %g to %g\n", v->least_norm, v->greatest_norm);
    if (info->records.distance[0])
        printf("distance\n  the file says %s\n", info->records.distance);
    if (v->refused)
        warn(info,
             "%" PRIu64
             " vectors are not finite or longer than 1e30: refused, or left out with --skip-bad-rows",
             v->refused);
    if (v->zero)
        warn(info, "%" PRIu64 " vectors are zero: refused under cosine, or left out with --skip-bad-rows",
             v->zero);
}

/* Whether there are ids, or names of sources' files, and whether they are as many as ought to be. */
static int print_beside(struct info *info, struct error *e) {
    struct h5_strings ids, names;
    if (!h5_strings_open(&ids, info->file_id, info->file, "/ids", e) &&
        !h5_strings_open(&names, info->file_id, info->file, "/source/names", e)) {
        if (ids.n > 0)
            printf("ids\n  %" PRIu64 "\n", ids.n);
        if (names.n > 0)
            printf("source\n  %" PRIu64 " files (lshpack --show finds the texts there)\n", names.n);
        if (ids.n > 0 && ids.n != info->records.rows)
            warn(info, "/ids: %" PRIu64 " ids of %" PRIu64 " rows", ids.n, info->records.rows);
        h5_strings_close(&names);
    }
    h5_strings_close(&ids);
    return e->status;
}

static void print_records(struct info *info, struct error *e) {
    const struct h5_records *s = &info->records;
    struct survey survey;
    printf("what lshjoin reads: ");
    print_clean(s->object);
    printf("\n  %s: %" PRIu64 " rows", kind_in_words(s->kind), s->rows);
    if (s->columns > 0)
        printf(" of %" PRIu64 " coordinates", s->columns);
    printf(", %" PRIu64 " %s\n", s->elements, s->columns > 0 ? "numbers" : "elements");
    printf("attributes\n");
    h5_attributes_each(info->file_id, "/", print_attribute, "");
    if (strcmp(s->object, "/") != 0)
        h5_attributes_each(info->file_id, s->object, print_attribute, info->records.object);
    printf("datasets\n");
    if (print_datasets(info, e) || print_beside(info, e) || survey_rows(&survey, &info->records, e))
        return;
    if (s->columns > 0)
        print_vectors(info, &survey);
    else
        print_sets(info, &survey);
}

static void print_info(struct info *info, const char *object, struct error *e) {
    print_clean(info->file);
    printf("\nobjects\n");
    if (h5_find_all(info->file_id, info->file, print_object, NULL, e))
        return;
    if (h5_records_open(&info->records, info->file, object, H5_EITHER, e))
        return;
    print_records(info, e);
    h5_records_close(&info->records);
    if (info->warnings.bytes > 0 || !e->status)
        printf("warnings\n%.*s", (int)info->warnings.bytes, info->warnings.data ? info->warnings.data : "");
    if (info->warnings.bytes == 0 && !e->status)
        printf("  none\n");
}

int info_run(struct comm *c, const char *input, struct error *e) {
    struct input in;
    if (comm_rank(c) == 0 && !input_split_name(input, &in, e)) {
        struct info info = {.file = in.file};
        if (!h5_file_open(&info.file_id, in.file, e))
            print_info(&info, in.object[0] ? in.object : NULL, e);
        h5_file_close(&info.file_id);
        buffer_free(&info.warnings);
        fflush(stdout); /* before a message on standard error */
    }
    comm_failed(c, e);
    return e->status;
}
