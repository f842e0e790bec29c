#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "h5_write.h"
#include "ids.h"
#include "lshjoin/sort.h"
#include "text_write.h"

enum { NAME = 64 };

struct output {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct shard *shard;
    struct ids ids; /* of --ids */
    const char *value;
    struct histogram *values; /* not owned */
    enum format format;
    int lock; /* rank 0: the directory, locked against other runs; or -1 */

    uint64_t n_files; /* 0: standard output or nowhere */
    uint64_t file;    /* this rank's */
    bool open;        /* the directory is ours */
    bool finished;    /* all files are whole and have their names */
    bool writes;      /* this rank is its file's writer: the first of the ranks that share it */
    char **names;     /* [n_files] */
    uint64_t *counts; /* [n_files] pairs in each, once finished */
    uint64_t written; /* pairs to this rank's file */

    struct h5_pairs *h5;
    FILE *text;
    struct u64_pair
        *entries; /* FORMAT_MHASH: (query, partner), held until the end, when they can be sorted */
    uint64_t n_entries, capacity;
    struct error failure; /* of writing */
};

static void path_of(const struct output *out, const char *name, bool part, char path[4096 + NAME]) {
    snprintf(path, 4096 + NAME, part ? "%s/.%s.part" : "%s/%s", out->o->output, name);
}

/* mkdir -p. */
static int make_directory(const char *directory, struct error *e) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s", directory) >= sizeof path)
        return error_set(e, EX_CANTCREAT, "%.100s...: a name too long", directory);
    int why = 0; /* the first thing that went wrong on the way */
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            if (mkdir(path, 0777) != 0 && errno != EEXIST && !why)
                why = errno;
            *at = '/';
        }
    struct stat info;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return 0;
    return error_set(e, EX_CANTCREAT, "%s: the output directory cannot be made: %s", directory,
                     strerror(why ? why : errno));
}

/* Whether a name is one that a run gives: of its report, of the virtual file, of the groups, or of a file of
 * pairs. */
static bool is_final_name(const char *name) {
    int length = 0;
    char ending[8] = "";
    if (strcmp(name, "run.json") == 0 || strcmp(name, "pairs.h5") == 0 || strcmp(name, "clusters.h5") == 0)
        return true;
    return sscanf(name, "pairs-%*5[0-9]-of-%*5[0-9].%n%7s", &length, ending) == 1 && length == 21 &&
           (strcmp(ending, "h5") == 0 || strcmp(ending, "tsv") == 0 || strcmp(ending, "txt") == 0);
}

/* The same with the marks of a file that is being written. */
static bool is_part_name(const char *name) {
    char inner[NAME];
    size_t n = strlen(name);
    if (n < 7 || n >= sizeof inner || name[0] != '.' || strcmp(name + n - 5, ".part") != 0)
        return false;
    snprintf(inner, sizeof inner, "%.*s", (int)(n - 6), name + 1);
    return is_final_name(inner);
}

static bool is_input(const struct options *o, const struct stat *file) {
    struct stat input;
    for (int i = 0; i < o->n_inputs; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s", o->inputs[i]);
        for (char *colon = name + strlen(name); colon; colon = strstr(name, ":/")) {
            *colon = 0;
            if (stat(name, &input) == 0 && input.st_dev == file->st_dev && input.st_ino == file->st_ino)
                return true;
        }
    }
    return false;
}

/* Make way in the directory: remove what a run that died was writing, and, if that is asked for, what a run
 * has written; else refuse to. Of nobody else's files. The report goes first, so that what is left never
 * looks finished. */
static void make_way(const struct options *o, DIR *d, bool reports, struct error *e) {
    struct stat info;
    rewinddir(d);
    for (struct dirent *entry; !e->status && (entry = readdir(d));) {
        const char *name = entry->d_name;
        bool final = is_final_name(name);
        if (reports != (strcmp(name, "run.json") == 0) || (!final && !is_part_name(name)) ||
            fstatat(dirfd(d), name, &info, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        if (final && is_input(o, &info))
            error_set(e, EX_CANTCREAT, "%s/%s: is an input, and in the way of the output", o->output, name);
        else if (final && !o->force && (reports || !o->resume)) /* what is resumed died before its report */
            error_set(e, EX_CANTCREAT,
                      reports ? "%s: holds a finished run (%s); --force replaces it"
                              : "%s: holds %s of an earlier run; --force replaces it",
                      o->output, name);
        else if (unlinkat(dirfd(d), name, 0) != 0)
            error_set(e, EX_CANTCREAT, "%s/%s: cannot be removed: %s", o->output, name, strerror(errno));
    }
}

/* Rank 0. Returns the directory, open and locked, or -1. */
static int prepare_directory(const struct options *o, struct error *e) {
    if (make_directory(o->output, e))
        return -1;
    int lock = open(o->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = opendir(o->output);
    if (lock < 0 || !d)
        error_set(e, EX_CANTCREAT, "%s: cannot be listed: %s", o->output, strerror(errno));
    else if (flock(lock, LOCK_EX | LOCK_NB) != 0 &&
             errno == EWOULDBLOCK) /* a file system without locks won't say so */
        error_set(e, EX_CANTCREAT, "%s: another run is writing there", o->output);
    if (!e->status)
        make_way(o, d, true, e);
    if (!e->status)
        make_way(o, d, false, e);
    if (d)
        closedir(d);
    return lock;
}

/* Which file a rank's pairs go to, and which rank writes a file. */
static uint64_t file_of(const struct output *out, int rank) {
    return (uint64_t)rank * out->n_files / (uint64_t)comm_size(out->c);
}

static int writer_of(const struct output *out, uint64_t file) {
    uint64_t size = (uint64_t)comm_size(out->c);
    return (int)((file * size + out->n_files - 1) / out->n_files);
}

static void name_files(struct output *out) {
    static const char *const ending[] = {"", "h5", "tsv", "txt"};
    out->n_files = min_u64(out->o->files, (uint64_t)comm_size(out->c));
    out->names = mem_alloc(out->n_files, sizeof *out->names);
    out->counts = mem_zero(out->n_files, sizeof *out->counts);
    for (uint64_t i = 0; i < out->n_files; i++) {
        out->names[i] = mem_alloc(NAME, 1);
        snprintf(out->names[i], NAME, "pairs-%05llu-of-%05llu.%s", (unsigned long long)i,
                 (unsigned long long)out->n_files, ending[out->format]);
    }
    out->file = file_of(out, comm_rank(out->c));
    out->writes = writer_of(out, out->file) == comm_rank(out->c);
}

static void open_file(struct output *out, struct error *e) {
    char path[4096 + NAME];
    path_of(out, out->names[out->file], true, path);
    if (out->format == FORMAT_H5) {
        out->h5 = h5_pairs_create(path, out->value, out->o->top_k > 0, e);
        return;
    }
    out->text = fopen(path, "wx"); /* a name that others can guess: what they put there is not written to */
    if (!out->text)
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", path, strerror(errno));
}

struct output *output_prepare(struct comm *c, struct pool *pool, const struct options *o, struct error *e) {
    struct output *out = mem_zero(1, sizeof *out);
    *out = (struct output){.c = c, .pool = pool, .o = o, .lock = -1};
    if (o->output && comm_rank(c) == 0)
        out->lock = prepare_directory(o, e);
    if (!comm_failed(c, e))
        return out;
    output_free(out);
    return NULL;
}

int output_open(struct output *out, enum format format, const struct inputs *in, const char *value,
                struct histogram *values, struct error *e) {
    const struct options *o = out->o;
    out->format = format;
    out->shard = &in->shard;
    out->value = value;
    out->values = values;
    out->open = true;
    if (o->arrays)
        return 0;
    if (o->ids && ids_read(&out->ids, out->c, out->pool, in, o->round_bytes, e))
        return e->status;
    if (o->output && !o->no_print) {
        name_files(out);
        if (out->writes)
            open_file(out, e);
        if (comm_failed(out->c, e))
            return e->status;
    } else if (!o->no_print) {
        out->writes = true;
        out->text = stdout;
    }
    if (out->text && format == FORMAT_TSV)
        text_write_header(out->text, value, o->top_k > 0);
    return 0;
}

/* The rank that writes a pair: of mhash's form the one that holds the query, of others our own file's. */
static int writer_of_pair(void *ctx, const struct pair *p) {
    const struct output *out = ctx;
    int rank = out->format == FORMAT_MHASH ? shard_rank(out->shard, p->left) : comm_rank(out->c);
    return out->n_files ? writer_of(out, file_of(out, rank)) : 0;
}

static void check_text(const struct output *out, struct error *e) {
    if (ferror(out->text))
        error_set(e, EX_IOERR, "%s%s%s: cannot be written: %s",
                  out->n_files ? out->o->output : "standard output", out->n_files ? "/" : "",
                  out->n_files ? out->names[out->file] : "", strerror(errno));
}

/* Take pairs that are this rank's to write; what goes wrong is kept for output_write to tell. With --ids
 * collective: all ranks come here equally often. */
static void write_here(void *ctx, const struct pair *pairs, uint64_t n) {
    struct output *out = ctx;
    out->written += n;
    if (out->format == FORMAT_MHASH) {
        if (out->n_entries + n > out->capacity) {
            out->capacity = 2 * (out->n_entries + n);
            out->entries = mem_grow(out->entries, out->capacity, sizeof *out->entries);
        }
        for (uint64_t i = 0; i < n; i++)
            out->entries[out->n_entries++] = (struct u64_pair){pairs[i].left, pairs[i].right};
    } else if (out->h5) {
        h5_pairs_write(out->h5, pairs, n, &out->failure);
    } else {
        if (out->o->ids)
            ids_write(&out->ids, out->text, pairs, n, out->o->top_k > 0);
        else if (out->text)
            text_write_pairs(out->text, pairs, n, out->o->top_k > 0);
        if (out->text)
            check_text(out, &out->failure);
    }
}

int output_write(struct output *out, const struct pair *pairs, uint64_t n, struct error *e) {
    for (uint64_t i = 0; i < n; i++)
        histogram_add(out->values, pairs[i].value);
    if (out->o->no_print)
        return 0;
    if (out->o->arrays) {
        int status = out->o->arrays->take(out->o->arrays->ctx, pairs, n);
        if (status)
            error_set(e, status, "the program that takes the pairs ended the join, with status %d", status);
        comm_failed(out->c, e);
        return e->status;
    }
    struct pair *mirrored = NULL;
    if (out->format == FORMAT_MHASH && out->shard->self_join && !out->o->top_k) {
        pairs = mirrored = pairs_mirror(pairs, n);
        n *= 2;
    }
    if (out->n_files == (uint64_t)comm_size(out->c) && out->format != FORMAT_MHASH)
        write_here(out, pairs, n);
    else
        pairs_route(out->c, pairs, n, out->o->round_bytes, writer_of_pair, write_here, out);
    free(mirrored);
    *e = out->failure;
    comm_failed(out->c, e);
    return e->status;
}

/* Write what had to wait, and close. */
static void close_file(struct output *out, struct error *e) {
    if (out->h5) {
        h5_pairs_close(out->h5, e);
        out->h5 = NULL;
    }
    if (!out->text)
        return;
    if (out->format == FORMAT_MHASH) {
        struct u64_pair *scratch = mem_alloc(out->n_entries, sizeof *scratch);
        sort_pairs(out->pool, out->entries, scratch, out->n_entries);
        free(scratch);
        int end = out->n_files ? writer_of(out, out->file + 1)
                               : 1; /* the rank after the last that shares the file */
        uint64_t first = min_u64(out->shard->split, out->shard->start[comm_rank(out->c)]);
        text_write_queries(out->text, first, min_u64(out->shard->split, out->shard->start[end]), out->entries,
                           out->n_entries);
    }
    fflush(out->text);
    check_text(out, e);
    if (out->text != stdout && fclose(out->text) != 0)
        error_set(e, EX_IOERR, "%s/%s: cannot be written: %s", out->o->output, out->names[out->file],
                  strerror(errno));
    out->text = NULL;
}

char *output_part(const struct output *out, const char *name) {
    char *path = mem_alloc(4096 + NAME, 1);
    path_of(out, name, true, path);
    return path;
}

void output_name(const struct output *out, const char *name, struct error *e) {
    char part[4096 + NAME], whole[4096 + NAME];
    path_of(out, name, true, part);
    path_of(out, name, false, whole);
    if (rename(part, whole) != 0)
        error_set(e, EX_IOERR, "%s: cannot be named: %s", whole, strerror(errno));
}

int output_finish(struct output *out, struct error *e) {
    if (out->writes)
        close_file(out, e);
    if (comm_failed(out->c, e))
        return e->status;
    out->finished = out->n_files == 0;
    if (out->finished)
        return 0;
    if (out->writes) {
        out->counts[out->file] = out->written;
        output_name(out, out->names[out->file], e);
    }
    comm_sum(out->c, out->counts, out->n_files);
    if (comm_failed(out->c, e))
        return e->status;
    if (out->format == FORMAT_H5 && comm_rank(out->c) == 0) {
        char path[4096 + NAME];
        path_of(out, "pairs.h5", true, path);
        if (!h5_pairs_virtual(path, out->value, out->o->top_k > 0, out->names, out->counts, out->n_files, e))
            output_name(out, "pairs.h5", e);
    }
    out->finished = !comm_failed(out->c, e);
    return e->status;
}

static void remove_file(const struct output *out, const char *name) {
    char path[4096 + NAME];
    for (int part = 0; part < 2; part++) {
        path_of(out, name, part, path);
        unlink(path);
    }
}

void output_free(struct output *out) {
    struct error ignored = {0};
    if (out->h5)
        h5_pairs_close(out->h5, &ignored);
    if (out->text && out->text != stdout)
        fclose(out->text);
    if (out->writes && out->n_files && !out->finished)
        remove_file(out, out->names[out->file]);
    if (out->open && !out->finished && comm_rank(out->c) == 0) {
        if (out->n_files && out->format == FORMAT_H5)
            remove_file(out, "pairs.h5");
        if (out->o->clusters)
            remove_file(out, "clusters.h5");
    }
    if (out->lock >= 0)
        close(out->lock);
    for (uint64_t i = 0; i < out->n_files; i++)
        free(out->names[i]);
    free(out->names);
    free(out->counts);
    free(out->entries);
    ids_free(&out->ids);
    free(out);
}

uint64_t output_files(const struct output *out) {
    return out->n_files;
}

const char *output_file_name(const struct output *out, uint64_t file) {
    return out->names[file];
}
