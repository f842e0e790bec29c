#include "corpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

/* The names that a list holds, one a line, each with a 0 behind it. */
static int read_list(struct buffer *names, const char *list, struct error *e) {
    bool is_stdin = strcmp(list, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(list, "r");
    if (!f)
        return error_set(e, EX_NOINPUT, "%s: the list of inputs cannot be opened: %s", list, strerror(errno));
    char *line = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&line, &capacity, f)) > 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = 0;
        if (n > 0)
            buffer_append(names, line, strlen(line) + 1);
    }
    if (ferror(f))
        error_set(e, EX_IOERR, "%s: the list of inputs cannot be read: %s", list, strerror(errno));
    free(line);
    if (!is_stdin)
        fclose(f);
    return e->status;
}

static int list_names(struct buffer *names, const struct settings *s, struct error *e) {
    for (int i = 0; i < s->n_inputs; i++)
        buffer_append(names, s->inputs[i], strlen(s->inputs[i]) + 1);
    if (s->list && read_list(names, s->list, e))
        return e->status;
    bool is_taken = s->list && strcmp(s->list, "-") == 0;
    for (uint64_t at = 0; at < names->bytes; at += strlen(names->data + at) + 1) {
        if (strcmp(names->data + at, "-") != 0)
            continue;
        if (is_taken)
            return error_set(e, EX_USAGE, "standard input can be read once only");
        is_taken = true;
    }
    if (names->bytes == 0)
        error_set(e, EX_USAGE, "no input: '%s' lists none", s->list);
    return e->status;
}

/* Rank 0: what a file is. */
static int look_at(struct input_file *f, struct error *e) {
    struct stat info;
    f->is_stream = strcmp(f->name, "-") == 0;
    if (f->is_stream)
        return 0;
    if (stat(f->name, &info) != 0)
        return error_set(e, EX_NOINPUT, "%s: cannot be opened: %s", f->name, strerror(errno));
    if (S_ISDIR(info.st_mode))
        return error_set(e, EX_NOINPUT, "%s: is a directory", f->name);
    f->is_stream = !S_ISREG(info.st_mode);
    if (f->is_stream)
        return 0;
    f->size = (uint64_t)info.st_size;
    f->packing = source_packing(f->name, e);
    return e->status;
}

/* Cut the text of all names. */
static void name_files(struct corpus *in, uint64_t bytes) {
    uint64_t i = 0;
    for (uint64_t at = 0; at < bytes; at += strlen(in->names + at) + 1, i++) {
        in->file[i].name = in->names + at;
        in->name_at[i + 1] = in->name_at[i] + strlen(in->names + at);
    }
}

static uint64_t count_names(const struct buffer *names) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < names->bytes; i++)
        n += names->data[i] == 0;
    return n;
}

int corpus_gather(struct corpus *in, struct comm *c, const struct settings *s, struct error *e) {
    *in = (struct corpus){0};
    bool first = comm_rank(c) == 0;
    struct buffer names = {0};
    if (first)
        list_names(&names, s, e);
    uint64_t size[2] = {names.bytes, count_names(&names)};
    comm_broadcast(c, size, sizeof size);
    in->n = size[1];
    in->names = first ? names.data : mem_alloc(size[0], 1);
    comm_broadcast(c, in->names, size[0]);
    in->file = mem_zero(in->n, sizeof *in->file);
    in->name_at = mem_zero(in->n + 1, sizeof *in->name_at);
    in->weight = mem_zero(in->n + 1, sizeof *in->weight);
    name_files(in, size[0]);
    for (uint64_t i = 0; first && i < in->n && !e->status; i++)
        look_at(&in->file[i], e);
    if (comm_failed(c, e))
        return e->status;
    comm_broadcast(c, in->file, in->n * sizeof *in->file);
    name_files(in, size[0]); /* the addresses of rank 0's names came along */
    return 0;
}

void corpus_free(struct corpus *in) {
    free(in->file);
    free(in->name_at);
    free(in->names);
    free(in->weight);
    *in = (struct corpus){0};
}

int corpus_form(const struct corpus *in, const struct form **form, struct error *e) {
    const struct form *of_all = NULL;
    for (uint64_t i = 0; i < in->n; i++) {
        const char *name = in->file[i].name;
        const struct form *f = form_of_file(name);
        if (!f)
            return error_set(e, EX_USAGE, "%s: its ending does not tell what it is: say so with --from (%s)",
                             name, form_names());
        if (of_all && f != of_all)
            return error_set(e, EX_USAGE,
                             "%s is %s, and %s is %s: all inputs must be of one kind (say which with --from)",
                             in->file[0].name, of_all->name, name, f->name);
        of_all = f;
    }
    *form = of_all;
    return 0;
}

bool corpus_is_cut(const struct input_file *f, const struct settings *s) {
    return !f->is_stream && f->packing == PACKING_NONE && !s->per_file && !s->form->cut->is_whole;
}

/* a*b/c of numbers whose product may need more than 64 bits. */
static uint64_t share_of(uint64_t a, uint64_t b, uint64_t c) {
    return a / c * b + a % c * b / c;
}

void corpus_weigh(struct corpus *in, const struct comm *c) {
    uint64_t rank = (uint64_t)comm_rank(c), ranks = (uint64_t)comm_size(c), behind_streams = 0;
    for (uint64_t i = 0; i < in->n; i++) {
        const struct input_file *f = &in->file[i];
        in->weight[i + 1] = in->weight[i] + (f->packing == PACKING_NONE ? 1 : 4) * f->size + 1;
        if (f->is_stream)
            behind_streams = in->weight[i + 1];
    }
    /* What stands before a stream in the order of records is rank 0's, too. */
    uint64_t all = in->weight[in->n];
    in->lo = rank == 0 ? 0 : max_u64(behind_streams, share_of(all, rank, ranks));
    in->hi = max_u64(behind_streams, share_of(all, rank + 1, ranks));
}

bool corpus_range(const struct corpus *in, const struct settings *s, uint64_t file, uint64_t *from,
                  uint64_t *to) {
    const struct input_file *f = &in->file[file];
    uint64_t begin = in->weight[file], end = in->weight[file + 1];
    if (!corpus_is_cut(f, s)) {
        *from = 0;
        *to = UINT64_MAX;
        return in->lo <= begin && begin < in->hi;
    }
    uint64_t lo = max_u64(in->lo, begin), hi = min_u64(in->hi, end);
    *from = lo - begin;
    *to = min_u64(hi - begin, f->size);
    return lo < hi && (*from < f->size || *from == 0);
}
