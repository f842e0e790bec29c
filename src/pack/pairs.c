#include "pairs.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "h5_read.h"

enum { BUFFERED = 1 << 14, PATH = 4200 };

static void add_file(struct pairs *p, const char *directory, const char *name) {
    size_t room = strlen(directory) + strlen(name) + 2;
    p->files = mem_grow(p->files, p->n_files + 1, sizeof *p->files);
    p->files[p->n_files] = mem_alloc(room, 1);
    snprintf(p->files[p->n_files++], room, "%s%s%s", directory, directory[0] ? "/" : "", name);
}

/* What a run's report tells, and, if asked for, its files of pairs. */
static void read_report(struct pairs *p, const char *directory, bool with_files, json_t *report) {
    json_t *inputs = json_object_get(report, "inputs"), *files = json_object_get(report, "files"), *file;
    size_t i;
    p->inputs = json_array_size(inputs);
    p->by_id = json_is_true(json_object_get(json_object_get(report, "parameters"), "ids"));
    p->rows = (uint64_t)json_integer_value(json_object_get(json_array_get(inputs, 0), "rows"));
    if (with_files)
        json_array_foreach(files, i, file)
            add_file(p, directory, json_is_string(file) ? json_string_value(file) : "");
}

static int open_directory(struct pairs *p, const char *directory, struct error *e) {
    char path[PATH];
    json_error_t why;
    snprintf(path, sizeof path, "%s/run.json", directory);
    json_t *report = json_load_file(path, 0, &why);
    if (!report)
        return error_set(e, EX_NOINPUT, "%s: is no directory of a finished run of lshjoin: %s", directory,
                         why.text);
    read_report(p, directory, true, report);
    json_decref(report);
    return p->n_files ? 0 : error_set(e, EX_DATAERR, "%s: the run wrote no pairs", directory);
}

/* A file of a run has its report beside it, unless it was taken elsewhere. */
static void open_file(struct pairs *p, const char *name) {
    char path[PATH];
    const char *slash = strrchr(name, '/');
    int length = slash ? (int)(slash - name + 1) : 0;
    snprintf(path, sizeof path, "%.*srun.json", length, name);
    json_t *report = json_load_file(path, 0, NULL);
    if (report)
        read_report(p, "", false, report);
    json_decref(report);
    add_file(p, "", name);
}

int pairs_open(struct pairs *p, const char *name, struct error *e) {
    struct stat info;
    *p = (struct pairs){.value = "value"};
    if (strcmp(name, "-") != 0 && stat(name, &info) != 0)
        return error_set(e, EX_NOINPUT, "%s: %s", name, strerror(errno));
    if (strcmp(name, "-") == 0)
        add_file(p, "", name);
    else if (S_ISDIR(info.st_mode))
        open_directory(p, name, e);
    else
        open_file(p, name);
    return e->status;
}

static void close_file(struct pairs *p) {
    h5_pairs_file_close(&p->h5);
    if (p->text && p->text != stdin)
        fclose(p->text);
    p->text = NULL;
    p->name = NULL;
    p->at = p->buffered = p->next = 0;
}

void pairs_close(struct pairs *p) {
    close_file(p);
    for (uint64_t i = 0; i < p->n_files; i++)
        free(p->files[i]);
    free(p->files);
    free(p->line);
    free(p->buffer);
}

static int open_next(struct pairs *p, struct error *e) {
    const char *name = p->files[p->file++];
    bool is_stdin = strcmp(name, "-") == 0;
    p->name = is_stdin ? "standard input" : name;
    if (!is_stdin && h5_is_hdf5(name)) {
        if (!h5_pairs_file_open(&p->h5, name, e))
            snprintf(p->value, sizeof p->value, "%s", p->h5.value);
        return e->status;
    }
    p->text = is_stdin ? stdin : fopen(name, "r");
    return p->text ? 0 : error_set(e, EX_NOINPUT, "%s: cannot be read: %s", name, strerror(errno));
}

/* The third column's name, of the line that begins "left, right". */
static bool take_header(struct pairs *p) {
    const char *value = "left\tright\t";
    if (strncmp(p->line, value, strlen(value)) != 0)
        return false;
    snprintf(p->value, sizeof p->value, "%.*s", (int)strcspn(p->line + strlen(value), "\t\r\n"),
             p->line + strlen(value));
    return true;
}

/* A whole number and the tab or the end behind it. */
static bool take_number(char **at, uint64_t *v) {
    if (!isdigit((unsigned char)**at))
        return false;
    errno = 0;
    *v = strtoull(*at, at, 10);
    return !errno && (**at == '\t' ? (*at)++ != NULL : strchr("\r\n", **at) != NULL);
}

static bool take_line(char *line, struct pair *pair) {
    char *at = line, *end;
    *pair = (struct pair){0};
    if (!take_number(&at, &pair->left) || !take_number(&at, &pair->right))
        return false;
    pair->value = strtod(at, &end);
    if (end == at)
        return false;
    return *end != '\t' ? strchr("\r\n", *end) != NULL : (at = end + 1, take_number(&at, &pair->rank));
}

static bool next_of_text(struct pairs *p, struct pair *pair, struct error *e) {
    errno = 0;
    while (getline(&p->line, &p->line_size, p->text) > 0) {
        p->at++;
        if (p->at == 1 && take_header(p))
            continue;
        if (take_line(p->line, pair))
            return true;
        error_set(e, EX_DATAERR,
                  "%s:%" PRIu64 ": two rows and a number were expected, with tabs between them, as lshjoin "
                  "--format tsv writes them",
                  p->name, p->at);
        return false;
    }
    if (ferror(p->text))
        error_set(e, EX_IOERR, "%s: cannot be read: %s", p->name, strerror(errno));
    return false;
}

static bool next_of_h5(struct pairs *p, struct pair *pair, struct error *e) {
    if (p->next == p->buffered) {
        p->next = 0;
        p->buffered = min_u64(BUFFERED, p->h5.n - p->at);
        if (!p->buffer)
            p->buffer = mem_alloc(BUFFERED, sizeof *p->buffer);
        if (p->buffered == 0 || h5_pairs_file_read(&p->h5, p->at, p->buffered, p->buffer, e))
            return false;
        p->at += p->buffered;
    }
    *pair = p->buffer[p->next++];
    return true;
}

bool pairs_next(struct pairs *p, struct pair *pair, struct error *e) {
    for (;;) {
        if (!p->name && (p->file == p->n_files || open_next(p, e)))
            return false;
        if (p->text ? next_of_text(p, pair, e) : next_of_h5(p, pair, e))
            return true;
        if (e->status)
            return false;
        close_file(p);
    }
}
