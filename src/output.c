#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "h5_write.h"
#include "lshjoin/sort.h"
#include "text_write.h"

enum { NAME = 64 };

struct output {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct shard *shard;
    const char *value;
    enum format format;

    uint64_t n_files; /* 0: standard output or nowhere */
    uint64_t file;    /* this rank's */
    bool named;       /* it has its final name */
    bool writes;      /* this rank is its file's writer: the first of the ranks that share it */
    char **names;     /* [n_files] */
    uint64_t *counts; /* [n_files] pairs in each, once finished */
    uint64_t written; /* pairs to this rank's file */

    struct h5_pairs *h5;
    FILE *text;
    struct u64_pair
        *entries; /* FORMAT_MHASH: (query, partner), held until the end, when they can be sorted */
    uint64_t n_entries, capacity;
};

static void path_of(const struct output *out, const char *name, bool part, char path[4096 + NAME]) {
    snprintf(path, 4096 + NAME, part ? "%s/.%s.part" : "%s/%s", out->o->output, name);
}

/* mkdir -p. */
static int make_directory(const char *directory, struct error *e) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s", directory) >= sizeof path)
        return error_set(e, EX_CANTCREAT, "%s: a name too long", directory);
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            mkdir(path, 0777); /* if that fails the last one will tell */
            *at = '/';
        }
    struct stat info;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return 0;
    return error_set(e, EX_CANTCREAT, "%s: the output directory cannot be made: %s", directory,
                     strerror(errno));
}

/* Remove what an earlier run wrote, its report first, so that what is left never looks finished. */
static int clear_directory(const char *directory, struct error *e) {
    static const char *const ours[] = {"run.json",         ".run.json.part",    "pairs.h5",
                                       ".pairs.h5.part",   "pairs-*-of-*.h5",   "pairs-*-of-*.tsv",
                                       "pairs-*-of-*.txt", ".pairs-*-of-*.part"};
    for (size_t k = 0; k < sizeof ours / sizeof *ours; k++) {
        DIR *d = opendir(directory);
        if (!d)
            return error_set(e, EX_CANTCREAT, "%s: cannot be listed: %s", directory, strerror(errno));
        for (struct dirent *entry; (entry = readdir(d));)
            if (fnmatch(ours[k], entry->d_name, FNM_PERIOD) == 0 && unlinkat(dirfd(d), entry->d_name, 0) != 0)
                error_set(e, EX_CANTCREAT, "%s/%s: cannot be removed: %s", directory, entry->d_name,
                          strerror(errno));
        closedir(d);
    }
    return e->status;
}

static void prepare_directory(const struct options *o, struct error *e) {
    char report[4096 + NAME];
    struct stat info;
    if (make_directory(o->output, e))
        return;
    snprintf(report, sizeof report, "%s/run.json", o->output);
    if (stat(report, &info) == 0 && !o->force)
        error_set(e, EX_CANTCREAT, "%s: holds a finished run (run.json); --force replaces it", o->output);
    else
        clear_directory(o->output, e);
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
        out->h5 = h5_pairs_create(path, out->value, e);
        return;
    }
    out->text = fopen(path, "w");
    if (!out->text)
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", path, strerror(errno));
}

struct output *output_open(struct comm *c, struct pool *pool, const struct options *o, enum format format,
                           const struct shard *shard, const char *value, struct error *e) {
    struct output *out = mem_zero(1, sizeof *out);
    *out = (struct output){.c = c, .pool = pool, .o = o, .shard = shard, .value = value, .format = format};
    if (o->output && comm_rank(c) == 0)
        prepare_directory(o, e);
    if (comm_failed(c, e))
        goto failed;
    if (o->output && !o->no_print) {
        name_files(out);
        if (out->writes)
            open_file(out, e);
        if (comm_failed(c, e))
            goto failed;
    } else if (!o->no_print) {
        out->writes = true;
        out->text = stdout;
    }
    if (out->text && format == FORMAT_TSV)
        text_write_header(out->text, value);
    return out;
failed:
    output_free(out);
    return NULL;
}

/* The rank that writes a pair: of mhash's form the one that holds the query, of others our own file's. */
static int destination(const struct output *out, const struct pair *p) {
    int rank = out->format == FORMAT_MHASH ? shard_rank(out->shard, p->left) : comm_rank(out->c);
    return out->n_files ? writer_of(out, file_of(out, rank)) : 0;
}

/* Collective. Send pairs to their writers; returns those that have come, to free, and their number. */
static struct pair *route(struct output *out, const struct pair *pairs, uint64_t n, uint64_t *came) {
    uint64_t size = (uint64_t)comm_size(out->c), *three = mem_zero(3 * size, sizeof *three);
    uint64_t *n_sent = three, *n_received = three + size, *at = three + 2 * size;
    struct pair *sorted = mem_alloc(n, sizeof *sorted);
    for (uint64_t i = 0; i < n; i++)
        n_sent[destination(out, &pairs[i])]++;
    for (uint64_t r = 1; r < size; r++)
        at[r] = at[r - 1] + n_sent[r - 1];
    for (uint64_t i = 0; i < n; i++)
        sorted[at[destination(out, &pairs[i])]++] = pairs[i];
    comm_counts(out->c, n_sent, n_received, 1);
    *came = 0;
    for (uint64_t r = 0; r < size; r++)
        *came += n_received[r];
    struct pair *received = comm_exchange(out->c, sizeof *sorted, sorted, n_sent, n_received);
    free(three);
    return received;
}

static void check_text(const struct output *out, struct error *e) {
    if (ferror(out->text))
        error_set(e, EX_IOERR, "%s: cannot be written: %s",
                  out->n_files ? out->names[out->file] : "standard output", strerror(errno));
}

static void write_here(struct output *out, const struct pair *pairs, uint64_t n, struct error *e) {
    out->written += n;
    if (out->format == FORMAT_MHASH) {
        if (out->n_entries + n > out->capacity) {
            out->capacity = 2 * (out->n_entries + n);
            out->entries = mem_grow(out->entries, out->capacity, sizeof *out->entries);
        }
        for (uint64_t i = 0; i < n; i++)
            out->entries[out->n_entries++] = (struct u64_pair){pairs[i].left, pairs[i].right};
    } else if (out->h5) {
        h5_pairs_write(out->h5, pairs, n, e);
    } else {
        text_write_pairs(out->text, pairs, n);
        check_text(out, e);
    }
}

/* Both directions of each pair. */
static struct pair *mirror(const struct pair *pairs, uint64_t n) {
    struct pair *both = mem_alloc(2 * n, sizeof *both);
    for (uint64_t i = 0; i < n; i++) {
        both[2 * i] = pairs[i];
        both[2 * i + 1] = (struct pair){pairs[i].right, pairs[i].left, pairs[i].value};
    }
    return both;
}

int output_write(struct output *out, const struct pair *pairs, uint64_t n, struct error *e) {
    if (out->o->no_print)
        return 0;
    struct pair *mirrored = NULL, *routed = NULL;
    if (out->format == FORMAT_MHASH && out->shard->self_join) {
        pairs = mirrored = mirror(pairs, n);
        n *= 2;
    }
    bool at_home = out->n_files == (uint64_t)comm_size(out->c) && out->format != FORMAT_MHASH;
    if (comm_size(out->c) > 1 && !at_home)
        pairs = routed = route(out, pairs, n, &n);
    if (out->writes)
        write_here(out, pairs, n, e);
    free(mirrored);
    free(routed);
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
        error_set(e, EX_IOERR, "%s: cannot be written: %s", out->names[out->file], strerror(errno));
    out->text = NULL;
}

static void give_name(const struct output *out, const char *name, struct error *e) {
    char part[4096 + NAME], whole[4096 + NAME];
    path_of(out, name, true, part);
    path_of(out, name, false, whole);
    if (rename(part, whole) != 0)
        error_set(e, EX_IOERR, "%s: cannot be named: %s", whole, strerror(errno));
}

int output_finish(struct output *out, struct error *e) {
    if (out->writes)
        close_file(out, e);
    if (comm_failed(out->c, e) || out->n_files == 0)
        return e->status;
    if (out->writes) {
        out->counts[out->file] = out->written;
        give_name(out, out->names[out->file], e);
        out->named = !e->status;
    }
    comm_sum(out->c, out->counts, out->n_files);
    if (comm_failed(out->c, e))
        return e->status;
    if (out->format == FORMAT_H5 && comm_rank(out->c) == 0) {
        char path[4096 + NAME];
        path_of(out, "pairs.h5", true, path);
        if (!h5_pairs_virtual(path, out->value, out->names, out->counts, out->n_files, e))
            give_name(out, "pairs.h5", e);
    }
    comm_failed(out->c, e);
    return e->status;
}

void output_free(struct output *out) {
    struct error ignored = {0};
    if (out->h5)
        h5_pairs_close(out->h5, &ignored);
    if (out->text && out->text != stdout)
        fclose(out->text);
    if (out->writes && out->n_files && !out->named) {
        char part[4096 + NAME];
        path_of(out, out->names[out->file], true, part);
        unlink(part);
    }
    for (uint64_t i = 0; i < out->n_files; i++)
        free(out->names[i]);
    free(out->names);
    free(out->counts);
    free(out->entries);
    free(out);
}

uint64_t output_files(const struct output *out) {
    return out->n_files;
}

const char *output_file_name(const struct output *out, uint64_t file) {
    return out->names[file];
}
