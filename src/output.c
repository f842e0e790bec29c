#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "directory.h"
#include "disk.h"
#include "h5_write.h"
#include "ids.h"
#include "lshjoin/sort.h"
#include "text_write.h"

enum { NAME = 64 };

enum { PAIRS, DUPLICATES, TABLES };

/* Files of pairs, one a rank or one for some. */
struct table {
    const char *name; /* with which theirs begin; that of the virtual one */
    struct pair_columns columns;
    char **names;     /* [n_files] */
    uint64_t *counts; /* [n_files] pairs in each, once finished */
    uint64_t written; /* pairs to this rank's file */
    struct h5_pairs *h5;
    FILE *text;
};

struct output {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct indexes *old; /* of --index, or NULL */
    const struct shard *shard;
    struct ids ids;           /* of --ids */
    struct histogram *values; /* not owned */
    enum format format;
    int lock; /* rank 0: the directory, locked against other runs; or -1 */

    uint64_t n_files; /* of each table; 0: standard output or nowhere */
    uint64_t file;    /* this rank's */
    bool open;        /* the directory is ours, */
    bool owns_names;  /* and so are its files' names: what had them is gone */
    bool mirrors;     /* FORMAT_MHASH: both rows of a pair are queries */
    bool finished;    /* all files are whole and have their names */
    bool writes;      /* this rank is its file's writer: the first of the ranks that share it */
    struct table table[TABLES];
    int n_tables;
    struct u64_pair
        *entries; /* FORMAT_MHASH: (query, partner), held until the end, when they can be sorted */
    uint64_t n_entries, capacity;
    struct error failure; /* of writing */
};

static void path_of(const struct output *out, const char *name, bool part, char path[4096 + NAME]) {
    snprintf(path, 4096 + NAME, part ? "%s/.%s.part" : "%s/%s", out->o->output, name);
}

/* Whether a name is one that a run gives to a table's file, or the virtual one. */
static bool is_table_name(const char *name, const char *table) {
    size_t n = strlen(table);
    int length = 0;
    char ending[8] = "";
    if (strncmp(name, table, n) != 0)
        return false;
    name += n;
    if (strcmp(name, ".h5") == 0)
        return true;
    return sscanf(name, "-%*5[0-9]-of-%*5[0-9].%n%7s", &length, ending) == 1 && length == 16 &&
           (strcmp(ending, "h5") == 0 || strcmp(ending, "tsv") == 0 || strcmp(ending, "txt") == 0);
}

/* Whether a name is one that a run gives: of its report, of the groups, or of a table. */
static bool is_final_name(const char *name) {
    return strcmp(name, "run.json") == 0 || strcmp(name, "clusters.h5") == 0 ||
           is_table_name(name, "pairs") || is_table_name(name, "duplicates");
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

int output_check_file(const char *file, bool replaces, const struct options *o, const struct indexes *old,
                      struct error *e) {
    struct stat info;
    bool is_there = lstat(file, &info) == 0;
    if (is_there && !S_ISREG(info.st_mode))
        return error_set(e, EX_CANTCREAT, "%s: is there and is no regular file", file);
    if (is_there && input_is_named(o, old, &info))
        return error_set(e, EX_CANTCREAT, "%s: is an input", file);
    if (is_there && !replaces)
        return error_set(e, EX_CANTCREAT, "%s: is there already; --force replaces it", file);
    return 0;
}

bool output_has_name(const struct options *o, const char *file) {
    const char *slash = strrchr(file, '/');
    return directory_holds(o->output, file) && is_final_name(slash ? slash + 1 : file);
}

/* Refuse what is in the way, unless it is to be replaced. */
static void check_final(const struct output *out, DIR *d, const char *name, struct error *e) {
    const struct options *o = out->o;
    struct stat info;
    if (fstatat(dirfd(d), name, &info, AT_SYMLINK_NOFOLLOW) == 0 && input_is_named(o, out->old, &info))
        error_set(e, EX_CANTCREAT, "%s/%s: is an input, and in the way of the output", o->output, name);
    else if (!o->force && !o->resume) /* what is resumed died before its report */
        error_set(e, EX_CANTCREAT, "%s: holds %s of an earlier run; --force replaces it", o->output, name);
}

/* First files that runs have finished are checked, and those removed that one was writing when it died; then,
 * to make way, the finished ones are removed. Of nobody else's files. */
static void clear(const struct output *out, bool makes_way, struct error *e) {
    DIR *d = opendir(out->o->output);
    if (!d)
        error_set(e, EX_CANTCREAT, "%s: cannot be listed: %s", out->o->output, strerror(errno));
    for (struct dirent *entry; !e->status && (entry = readdir(d));) {
        const char *name = entry->d_name;
        if (is_final_name(name) && !makes_way)
            check_final(out, d, name, e);
        else if ((makes_way ? is_final_name(name) : is_part_name(name)) && unlinkat(dirfd(d), name, 0) != 0)
            error_set(e, EX_CANTCREAT, "%s/%s: cannot be removed: %s", out->o->output, name, strerror(errno));
    }
    if (d)
        closedir(d);
}

/* Rank 0. The directory, locked, in which nothing is that must not be replaced. */
static void prepare_directory(struct output *out, struct error *e) {
    const struct options *o = out->o;
    char report[4096 + NAME];
    if (directory_make(o->output, e))
        return;
    out->lock = directory_lock(o->output, e);
    path_of(out, "run.json", false, report);
    if (!e->status && !o->force && access(report, F_OK) == 0)
        error_set(e, EX_CANTCREAT, "%s: holds a finished run (run.json); --force replaces it", o->output);
    if (!e->status)
        clear(out, false, e);
}

int output_make_way(struct output *out, struct error *e) {
    char report[4096 + NAME];
    if (out->o->output && comm_rank(out->c) == 0) {
        path_of(out, "run.json", false, report);
        if (unlink(report) != 0 && errno != ENOENT) /* first, so that what is left never looks finished */
            error_set(e, EX_CANTCREAT, "%s: cannot be removed: %s", report, strerror(errno));
        if (!e->status)
            clear(out, true, e);
    }
    out->owns_names = !comm_failed(out->c, e);
    return e->status;
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
    for (struct table *t = out->table; t < out->table + out->n_tables; t++) {
        t->names = mem_alloc(out->n_files, sizeof *t->names);
        t->counts = mem_zero(out->n_files, sizeof *t->counts);
        for (uint64_t i = 0; i < out->n_files; i++) {
            t->names[i] = mem_alloc(NAME, 1);
            snprintf(t->names[i], NAME, "%s-%05llu-of-%05llu.%s", t->name, (unsigned long long)i,
                     (unsigned long long)out->n_files, ending[out->format]);
        }
    }
    out->file = file_of(out, comm_rank(out->c));
    out->writes = writer_of(out, out->file) == comm_rank(out->c);
}

static void open_file(const struct output *out, struct table *t, struct error *e) {
    char path[4096 + NAME];
    path_of(out, t->names[out->file], true, path);
    if (out->format == FORMAT_H5) {
        t->h5 = h5_pairs_create(path, &t->columns, e);
        return;
    }
    t->text = fopen(path, "wx"); /* a name that others can guess: what they put there is not written to */
    if (!t->text)
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", path, strerror(errno));
}

struct output *output_prepare(struct comm *c, struct pool *pool, const struct options *o,
                              const struct indexes *old, struct error *e) {
    struct output *out = mem_zero(1, sizeof *out);
    *out = (struct output){.c = c, .pool = pool, .o = o, .old = old, .lock = -1};
    if (o->output && comm_rank(c) == 0)
        prepare_directory(out, e);
    if (!comm_failed(c, e))
        return out;
    output_free(out);
    return NULL;
}

static void name_tables(struct output *out, const struct inputs *in) {
    const struct options *o = out->o;
    const char *value = o->verify ? in->family->value : "bands";
    out->table[PAIRS] =
        (struct table){.name = "pairs",
                       .columns = {.left = "left", .right = "right", .value = value, .ranked = o->top_k > 0}};
    out->table[DUPLICATES] = (struct table){
        .name = "duplicates",
        .columns = {.left = "row", .right = "first", .value = in->n == 2 ? "input" : NULL, .within = true}};
    out->n_tables = o->duplicates == DUPLICATES_GROUPS ? TABLES : 1;
}

/* The form of the output, once the inputs are known. */
static enum format choose_format(const struct options *o, const struct inputs *in) {
    if (o->format)
        return o->format;
    bool by_query = in->is_mhash_stdin && !in->old; /* old records, which no rank holds, have no lines */
    return o->output ? FORMAT_H5 : by_query ? FORMAT_MHASH : FORMAT_TSV;
}

/* The range of the values that pairs may have. */
static void choose_range(const struct options *o, const struct inputs *in, struct histogram *h) {
    bool limited = o->threshold_text || o->radius_text;
    double norm = in->largest_norm, limit = o->threshold.value;
    if (!o->verify)
        *h = (struct histogram){.from = 1, .to = 1 + (double)o->bands};
    else if (in->family == &family_l2)
        *h = (struct histogram){.from = 0, .to = limited ? limit : 2 * norm};
    else if (in->family == &family_ip)
        *h = (struct histogram){.from = limited ? limit : -norm * norm, .to = norm * norm};
    else
        *h = (struct histogram){.from = limited ? limit : in->family->is_of_vectors ? -1 : 0, .to = 1};
}

int output_open(struct output *out, const struct inputs *in, struct histogram *values, struct error *e) {
    const struct options *o = out->o;
    choose_range(o, in, values);
    out->format = choose_format(o, in);
    out->mirrors =
        out->format == FORMAT_MHASH && in->shard.self_join && !o->top_k && !in->family->is_directed;
    out->shard = &in->shard;
    out->values = values;
    out->open = true;
    name_tables(out, in);
    if (o->arrays)
        return 0;
    if (o->ids && ids_read(&out->ids, out->c, out->pool, in, o->round_bytes, e))
        return e->status;
    if (o->output && !o->no_print) {
        name_files(out);
        for (int i = 0; i < out->n_tables && out->writes && !e->status; i++)
            open_file(out, &out->table[i], e);
        if (comm_failed(out->c, e))
            return e->status;
    } else if (!o->no_print) {
        out->writes = true;
        out->table[PAIRS].text = stdout;
    }
    for (struct table *t = out->table; t < out->table + out->n_tables; t++)
        if (t->text && out->format == FORMAT_TSV)
            text_write_header(t->text, &t->columns);
    return 0;
}

/* The rank that writes a pair: of mhash's form the one that holds the query, of others our own file's. */
static int writer_of_pair(void *ctx, const struct pair *p) {
    const struct output *out = ctx;
    int rank = out->format == FORMAT_MHASH ? shard_rank(out->shard, p->left) : comm_rank(out->c);
    return out->n_files ? writer_of(out, file_of(out, rank)) : 0;
}

static void check_text(const struct output *out, const struct table *t, struct error *e) {
    if (ferror(t->text))
        error_set(e, EX_IOERR, "%s%s%s: cannot be written: %s",
                  out->n_files ? out->o->output : "standard output", out->n_files ? "/" : "",
                  out->n_files ? t->names[out->file] : "", strerror(errno));
}

/* Take pairs that are this rank's to write; what goes wrong is kept for output_write to tell. With --ids
 * collective: all ranks come here equally often. */
static void write_here(struct output *out, struct table *t, const struct pair *pairs, uint64_t n) {
    t->written += n;
    if (out->format == FORMAT_MHASH) {
        if (out->n_entries + n > out->capacity) {
            out->capacity = 2 * (out->n_entries + n);
            out->entries = mem_grow(out->entries, out->capacity, sizeof *out->entries);
        }
        for (uint64_t i = 0; i < n; i++)
            out->entries[out->n_entries++] = (struct u64_pair){pairs[i].left, pairs[i].right};
    } else if (t->h5) {
        h5_pairs_write(t->h5, pairs, n, &out->failure);
    } else {
        if (out->o->ids)
            ids_write(&out->ids, t->text, pairs, n, &t->columns);
        else if (t->text)
            text_write_pairs(t->text, pairs, n, &t->columns);
        if (t->text)
            check_text(out, t, &out->failure);
    }
}

static void write_pairs(void *ctx, const struct pair *pairs, uint64_t n) {
    struct output *out = ctx;
    write_here(out, &out->table[PAIRS], pairs, n);
}

static void write_duplicates(void *ctx, const struct pair *pairs, uint64_t n) {
    struct output *out = ctx;
    write_here(out, &out->table[DUPLICATES], pairs, n);
}

static int write_all(struct output *out, const struct pair *pairs, uint64_t n,
                     void (*take)(void *ctx, const struct pair *pairs, uint64_t n), struct error *e) {
    if (out->n_files == (uint64_t)comm_size(out->c) && out->format != FORMAT_MHASH)
        take(out, pairs, n);
    else
        pairs_route(out->c, pairs, n, out->o->round_bytes, writer_of_pair, take, out);
    *e = out->failure;
    comm_failed(out->c, e);
    return e->status;
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
    if (!out->mirrors)
        return write_all(out, pairs, n, write_pairs, e);
    struct pair *both = pairs_mirror(pairs, n);
    write_all(out, both, 2 * n, write_pairs, e);
    free(both);
    return e->status;
}

int output_write_duplicates(struct output *out, const struct pair *rows, uint64_t n, struct error *e) {
    return out->o->no_print ? 0 : write_all(out, rows, n, write_duplicates, e);
}

static void write_entries(struct output *out, FILE *f) {
    struct u64_pair *scratch = mem_alloc(out->n_entries, sizeof *scratch);
    sort_pairs(out->pool, out->entries, scratch, out->n_entries);
    free(scratch);
    int end =
        out->n_files ? writer_of(out, out->file + 1) : 1; /* the rank after the last that shares the file */
    uint64_t first = min_u64(out->shard->split, out->shard->start[comm_rank(out->c)]);
    text_write_queries(f, first, min_u64(out->shard->split, out->shard->start[end]), out->entries,
                       out->n_entries);
}

/* Write what had to wait, and close. */
static void close_file(struct output *out, struct table *t, struct error *e) {
    if (t->h5) {
        h5_pairs_close(t->h5, e);
        t->h5 = NULL;
    }
    if (!t->text)
        return;
    if (out->format == FORMAT_MHASH)
        write_entries(out, t->text);
    fflush(t->text);
    check_text(out, t, e);
    if (t->text != stdout && fclose(t->text) != 0)
        error_set(e, EX_IOERR, "%s/%s: cannot be written: %s", out->o->output, t->names[out->file],
                  strerror(errno));
    t->text = NULL;
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
    if (disk_name(part, whole) != 0)
        error_set(e, EX_IOERR, "%s: cannot be finished: %s", whole, strerror(errno));
}

/* Rank 0: the one file over all. */
static void write_virtual(const struct output *out, const struct table *t, struct error *e) {
    char name[NAME], path[4096 + NAME];
    snprintf(name, sizeof name, "%s.h5", t->name);
    path_of(out, name, true, path);
    if (!h5_pairs_virtual(path, &t->columns, t->names, t->counts, out->n_files, e))
        output_name(out, name, e);
}

static void finish_table(struct output *out, struct table *t, struct error *e) {
    if (out->writes)
        close_file(out, t, e);
    if (comm_failed(out->c, e) || out->n_files == 0)
        return;
    if (out->writes) {
        t->counts[out->file] = t->written;
        output_name(out, t->names[out->file], e);
    }
    comm_sum(out->c, t->counts, out->n_files);
    if (comm_failed(out->c, e))
        return;
    if (out->format == FORMAT_H5 && comm_rank(out->c) == 0)
        write_virtual(out, t, e);
    comm_failed(out->c, e);
}

int output_finish(struct output *out, struct error *e) {
    for (int i = 0; i < out->n_tables && !e->status; i++)
        finish_table(out, &out->table[i], e);
    if (out->n_files && comm_rank(out->c) == 0 && !e->status && disk_sync(out->o->output) != 0)
        error_set(e, EX_IOERR, "%s: cannot be written: %s", out->o->output, strerror(errno));
    comm_failed(out->c, e);
    out->finished = !e->status;
    return e->status;
}

static void remove_file(const struct output *out, const char *name) {
    char path[4096 + NAME];
    for (int part = !out->owns_names; part < 2; part++) {
        path_of(out, name, part, path);
        unlink(path);
    }
}

/* What is not whole is removed. */
static void free_table(const struct output *out, struct table *t) {
    struct error ignored = {0};
    char whole[NAME];
    snprintf(whole, sizeof whole, "%s.h5", t->name ? t->name : "");
    if (t->h5)
        h5_pairs_close(t->h5, &ignored);
    if (t->text && t->text != stdout)
        fclose(t->text);
    if (t->names && out->writes && !out->finished)
        remove_file(out, t->names[out->file]);
    if (t->names && comm_rank(out->c) == 0 && out->format == FORMAT_H5 && !out->finished)
        remove_file(out, whole);
    for (uint64_t i = 0; t->names && i < out->n_files; i++)
        free(t->names[i]);
    free(t->names);
    free(t->counts);
}

void output_free(struct output *out) {
    for (int i = 0; i < TABLES; i++)
        free_table(out, &out->table[i]);
    if (out->open && !out->finished && out->o->clusters && comm_rank(out->c) == 0)
        remove_file(out, "clusters.h5");
    if (out->lock >= 0)
        close(out->lock);
    free(out->entries);
    ids_free(&out->ids);
    free(out);
}

uint64_t output_files(const struct output *out) {
    return out->n_files;
}

const char *output_file_name(const struct output *out, bool of_duplicates, uint64_t file) {
    return out->table[of_duplicates ? DUPLICATES : PAIRS].names[file];
}
