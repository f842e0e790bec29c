#include "checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <xxhash.h>

#include "directory.h"
#include "identity.h"
#include "json_file.h"
#include "json_memory.h"
#include "kept.h"
#include "lshjoin/fault.h"
#include "watch.h"

enum { FORMAT = 1, NAME = 64, GRACE = WATCH_PATIENCE / 2 };

/* Unless told otherwise: seconds from one checkpoint to the next, and how many times longer than making one.
 */
static const double usual_time = 60, usual_times = 20;

/* A part of the kept pairs: files of one step, by rank. */
struct part {
    uint64_t next, ranks, *n; /* [ranks] pairs; no file where there are none */
};

struct checkpoint {
    struct comm *c;
    const struct options *o;
    const char *directory;
    int lock; /* rank 0: the directory, locked against other jobs; or -1 */
    bool resumes;
    uint64_t job; /* a number of its own */
    json_t *identity, *counts;
    char *plan; /* in hexadecimal */
    uint64_t next, parts;
    struct part *part;
    struct kept_writer *writer;

    double since, cost; /* of rank 0: when the last was made, and how long that took */
    double begun;       /* making this one */

    uint64_t file; /* the next file to read, of all ranks' */
    struct kept_reader *reader;
};

/* ---- the directory ---- */

static void path_of(const struct checkpoint *k, const char *name, char path[4096 + NAME]) {
    snprintf(path, 4096 + NAME, "%s/%s", k->directory, name);
}

static bool is_own_name(const char *name) {
    return strcmp(name, "state.json") == 0 || strcmp(name, ".state.json.part") == 0 || kept_is_name(name);
}

static bool is_committed(const struct checkpoint *k, const char *name) {
    unsigned long long next, rank;
    if (sscanf(name, "step-%llu-rank-%llu", &next, &rank) != 2)
        return strcmp(name, "state.json") == 0;
    for (uint64_t i = 0; i < k->parts; i++)
        if (k->part[i].next == next)
            return rank < k->part[i].ranks && k->part[i].n[rank] > 0;
    return false;
}

/* Rank 0. Remove files that no state tells of; or all. Nobody else's. */
static void clean(const struct checkpoint *k, bool all) {
    DIR *d = opendir(k->directory);
    char path[4096 + NAME];
    if (!d)
        return;
    path_of(k, "state.json", path);
    if (all)
        unlink(path); /* first, so that what is left never looks whole */
    for (struct dirent *entry; (entry = readdir(d));)
        if (is_own_name(entry->d_name) && (all || !is_committed(k, entry->d_name)))
            unlinkat(dirfd(d), entry->d_name, 0);
    closedir(d);
}

/* Whether it holds nothing that is not a checkpoint's. */
static bool is_own_directory(const char *directory) {
    DIR *d = opendir(directory);
    bool is_own = d != NULL;
    for (struct dirent *entry; d && (entry = readdir(d));)
        is_own &=
            is_own_name(entry->d_name) || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (d)
        closedir(d);
    return is_own;
}

/* Rank 0. One that was there before may be open to others. Where it holds other things, too, somebody may
 * want that. */
static void make_private(const struct checkpoint *k, struct error *e) {
    struct stat info;
    if (fstat(k->lock, &info) != 0 || (info.st_mode & 077) == 0)
        return;
    if (!is_own_directory(k->directory) || fchmod(k->lock, info.st_mode & 0700) != 0)
        error_set(
            e, EX_CANTCREAT,
            "%s: is open to others (mode %03o), and a checkpoint is private: chmod go= it, or name another "
            "directory",
            k->directory, (unsigned)info.st_mode & 07777);
}

/* Rank 0. */
static void open_directory(struct checkpoint *k, struct error *e) {
    if (strlen(k->directory) >= 4096)
        error_set(e, EX_CANTCREAT, "%.100s...: a name too long", k->directory);
    else if (mkdir(k->directory, 0700) != 0 && errno != EEXIST)
        error_set(e, EX_CANTCREAT, "%s: the checkpoint's directory cannot be made: %s", k->directory,
                  strerror(errno));
    if (e->status)
        return;
    k->lock = open(k->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (k->lock < 0)
        error_set(e, EX_CANTCREAT, "%s: cannot be opened: %s", k->directory, strerror(errno));
    else if (directory_is(k->directory, k->o->output) || directory_is(k->directory, k->o->save_index))
        error_set(e, EX_CANTCREAT, "%s: is for the output: checkpoints need a directory of their own",
                  k->directory);
    else if (flock(k->lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        error_set(e, EX_CANTCREAT, "%s: another job keeps its checkpoints there", k->directory);
    else if (faccessat(k->lock, ".", W_OK, 0) != 0)
        error_set(e, EX_CANTCREAT, "%s: cannot be written: %s", k->directory, strerror(errno));
    else
        make_private(k, e);
}

/* ---- the state ---- */

static json_t *number(uint64_t v) {
    return json_integer((json_int_t)v);
}

static uint64_t number_in(const json_t *object, const char *key) {
    return (uint64_t)json_integer_value(json_object_get(object, key));
}

static json_t *hexadecimal(uint64_t v) {
    char text[24];
    snprintf(text, sizeof text, "%016" PRIx64, v);
    return json_string(text);
}

/* Of all members but itself. */
static uint64_t sum_of(json_t *state) {
    json_t *rest = json_copy(state);
    json_object_del(rest, "checksum");
    char *text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
    uint64_t sum = text ? XXH3_64bits(text, strlen(text)) : 0;
    free(text);
    json_decref(rest);
    return sum;
}

static json_t *state_json(const struct checkpoint *k) {
    json_t *parts = json_array();
    for (uint64_t i = 0; i < k->parts; i++) {
        json_t *pairs = json_array();
        for (uint64_t r = 0; r < k->part[i].ranks; r++)
            json_array_append_new(pairs, number(k->part[i].n[r]));
        json_array_append_new(parts,
                              json_pack("{s:o, s:o}", "next", number(k->part[i].next), "pairs", pairs));
    }
    json_t *state =
        json_pack("{s:i, s:o, s:O, s:s, s:o, s:O, s:o}", "format", FORMAT, "job", hexadecimal(k->job), "is",
                  k->identity, "plan", k->plan, "next", number(k->next), "counts", k->counts, "parts", parts);
    json_object_set_new(state, "checksum", hexadecimal(sum_of(state)));
    return state;
}

/* Rank 0. */
static void write_state(const struct checkpoint *k, struct error *e) {
    json_t *state = state_json(k);
    json_file_write(k->directory, "state.json", state, e);
    json_decref(state);
}

static void forget_parts(struct checkpoint *k) {
    for (uint64_t i = 0; i < k->parts; i++)
        free(k->part[i].n);
    free(k->part);
    k->part = NULL;
    k->parts = 0;
}

static struct part *add_part(struct checkpoint *k, uint64_t next, uint64_t ranks) {
    k->part = mem_grow(k->part, k->parts + 1, sizeof *k->part);
    struct part *p = &k->part[k->parts++];
    *p = (struct part){next, ranks, mem_zero(ranks, sizeof *p->n)};
    return p;
}

/* From JSON that is whole. */
static void take_state(struct checkpoint *k, json_t *state) {
    k->job = strtoull(json_string_value(json_object_get(state, "job")), NULL, 16);
    k->next = number_in(state, "next");
    k->plan = strdup(json_string_value(json_object_get(state, "plan")));
    k->counts = json_incref(json_object_get(state, "counts"));
    k->identity = json_incref(json_object_get(state, "is"));
    size_t i, r;
    json_t *one, *pairs, *n;
    json_array_foreach(json_object_get(state, "parts"), i, one) {
        pairs = json_object_get(one, "pairs");
        struct part *p = add_part(k, number_in(one, "next"), json_array_size(pairs));
        json_array_foreach(pairs, r, n) p->n[r] = (uint64_t)json_integer_value(n);
    }
}

/* The state in text, which may be damaged. */
static int read_state(struct checkpoint *k, const char *text, struct error *e) {
    json_error_t why;
    json_t *state = json_loads(text, 0, &why), *sum = json_object_get(state, "checksum");
    if (!state)
        error_set(e, EX_DATAERR, "%s/state.json: is damaged: line %d: %s", k->directory, why.line, why.text);
    else if (!json_is_string(sum) || strtoull(json_string_value(sum), NULL, 16) != sum_of(state))
        error_set(e, EX_DATAERR, "%s/state.json: is damaged: its checksum is wrong", k->directory);
    else if (number_in(state, "format") != FORMAT)
        error_set(e, EX_DATAERR, "%s/state.json: has format %llu, and this program reads %d", k->directory,
                  (unsigned long long)number_in(state, "format"), FORMAT);
    else
        take_state(k, state);
    json_decref(state);
    return e->status;
}

/* Rank 0. The text of state.json, to free, or NULL where there is none. */
static char *load_state(const struct checkpoint *k, uint64_t *bytes, struct error *e) {
    char path[4096 + NAME];
    struct stat info;
    path_of(k, "state.json", path);
    FILE *f = fopen(path, "rb");
    char *text = NULL;
    if (!f && errno == ENOENT)
        return NULL;
    if (f && fstat(fileno(f), &info) == 0) {
        *bytes = (uint64_t)info.st_size + 1;
        text = mem_zero(*bytes, 1);
        if (fread(text, 1, *bytes - 1, f) != *bytes - 1)
            error_set(e, EX_IOERR, "%s: cannot be read", path);
    } else
        error_set(e, EX_IOERR, "%s: cannot be read: %s", path, strerror(errno));
    if (f)
        fclose(f);
    return text;
}

/* Collective. What to do with the state that is there, or not. */
static int choose_state(struct checkpoint *k, struct error *e) {
    uint64_t bytes = 0;
    char *text = NULL;
    if (comm_rank(k->c) == 0) {
        text = load_state(k, &bytes, e);
        if (text && !k->o->resume && !k->o->force)
            error_set(e, EX_CANTCREAT,
                      "%s: holds the state of a job: --resume goes on with it, --force starts anew",
                      k->directory);
        if (!text && k->o->resume && !e->status)
            message("lshjoin", "there is nothing to resume in the checkpoint's directory: starting afresh");
        if (!k->o->resume)
            bytes = 0;
    }
    if (!comm_failed(k->c, e)) {
        comm_broadcast(k->c, &bytes, sizeof bytes);
        k->resumes = bytes > 0;
    }
    if (k->resumes) {
        if (comm_rank(k->c) > 0)
            text = mem_alloc(bytes, 1);
        comm_broadcast(k->c, text, bytes);
        read_state(k, text, e);
        comm_failed(k->c, e);
    }
    free(text);
    return e->status;
}

/* Rank 0. */
static void say_resumed(const struct checkpoint *k) {
    char text[4300];
    uint64_t pairs = 0;
    for (uint64_t i = 0; i < k->parts; i++)
        for (uint64_t r = 0; r < k->part[i].ranks; r++)
            pairs += k->part[i].n[r];
    snprintf(text, sizeof text,
             "going on from %s: steps before %" PRIu64 " are done, and %" PRIu64 " pairs kept", k->directory,
             k->next, pairs);
    if (!k->o->quiet)
        message("lshjoin", text);
}

/* What a thread that watches may be printing is written once, and stays. */
static void make_advice(const struct checkpoint *k) {
    static char advice[4200];
    if (k->next > 0 && !*advice)
        snprintf(advice, sizeof advice, "; %s holds what was done: --resume goes on with it", k->directory);
    watch_advise(*advice ? advice : "");
}

struct checkpoint *checkpoint_open(struct comm *c, const struct options *o, struct error *e) {
    if (!o->checkpoint)
        return NULL;
    json_memory_start();
    struct checkpoint *k = mem_zero(1, sizeof *k);
    *k = (struct checkpoint){.c = c, .o = o, .directory = o->checkpoint, .lock = -1};
    if (comm_rank(c) == 0)
        open_directory(k, e);
    if (!comm_failed(c, e) && !choose_state(k, e)) {
        if (!k->resumes)
            k->job = mix64((uint64_t)getpid() ^ mix64((uint64_t)(seconds_now() * 1e9)));
        comm_broadcast(c, &k->job, sizeof k->job);
        if (comm_rank(c) == 0 && k->resumes)
            say_resumed(k);
    }
    if (!comm_failed(c, e)) {
        make_advice(k);
        return k;
    }
    checkpoint_close(k);
    return NULL;
}

void checkpoint_close(struct checkpoint *k) {
    if (!k)
        return;
    watch_advise("");
    if (k->reader)
        kept_close(k->reader);
    if (k->writer)
        kept_writer_free(k->writer);
    if (k->lock >= 0)
        close(k->lock);
    forget_parts(k);
    json_decref(k->identity);
    json_decref(k->counts);
    free(k->plan);
    free(k);
}

/* ---- which job, and its plan ---- */

int checkpoint_identify(struct checkpoint *k, const struct inputs *in, struct error *e) {
    if (!k)
        return 0;
    json_t *mine = identity_of(k->c, k->o, in);
    if (k->resumes)
        identity_agrees(mine, k->identity, k->directory, e);
    json_decref(k->identity);
    k->identity = mine;
    comm_failed(k->c, e);
    return e->status;
}

void checkpoint_make_way(const struct checkpoint *k) {
    if (k && comm_rank(k->c) == 0)
        clean(k, !k->resumes);
}

struct planned {
    struct plan plan;
    struct survey survey;
};

/* Kept as the bytes it is: a state is read by the same version of the program only. */
bool checkpoint_has_plan(struct checkpoint *k, struct plan *p, struct survey *s) {
    struct planned both;
    if (!k || !k->resumes || strlen(k->plan) != 2 * sizeof both)
        return false;
    for (size_t i = 0; i < sizeof both; i++)
        sscanf(k->plan + 2 * i, "%2hhx", (unsigned char *)&both + i);
    *p = both.plan;
    *s = both.survey;
    return true;
}

void checkpoint_plan(struct checkpoint *k, const struct plan *p, const struct survey *s) {
    if (!k)
        return;
    struct planned both;
    memset(&both, 0, sizeof both);
    both.plan = *p;
    both.survey = *s;
    free(k->plan);
    k->plan = mem_alloc(2 * sizeof both + 1, 1);
    for (size_t i = 0; i < sizeof both; i++)
        snprintf(k->plan + 2 * i, 3, "%02x", ((const unsigned char *)&both)[i]);
}

/* ---- counts that go on ---- */

static const enum counter going_on[] = {COUNT_TUPLES, COUNT_COPIES, COUNT_CANDIDATES, COUNT_SKIPPED_BUCKETS,
                                        COUNT_SKIPPED_PAIRS};
enum { GOING_ON = sizeof going_on / sizeof *going_on, BUCKETS = 33 };

/* Collective. Of all ranks, in a list: those counters, the buckets by size, the largest. */
static json_t *counts_json(struct comm *c, const struct metrics *m) {
    uint64_t v[GOING_ON + BUCKETS], largest = m->largest_bucket;
    for (int i = 0; i < GOING_ON; i++)
        v[i] = m->count[going_on[i]];
    memcpy(v + GOING_ON, m->buckets, sizeof m->buckets);
    comm_sum(c, v, GOING_ON + BUCKETS);
    comm_max(c, &largest, 1);
    json_t *list = json_array();
    for (int i = 0; i < GOING_ON + BUCKETS; i++)
        json_array_append_new(list, number(v[i]));
    json_array_append_new(list, number(largest));
    return list;
}

/* What other ranks had counted is rank 0's now. */
static void take_counts(const json_t *list, struct metrics *m) {
    uint64_t v[GOING_ON + BUCKETS + 1];
    for (int i = 0; i <= GOING_ON + BUCKETS; i++)
        v[i] = (uint64_t)json_integer_value(json_array_get(list, (size_t)i));
    for (int i = 0; i < GOING_ON; i++)
        m->count[going_on[i]] += v[i];
    for (int i = 0; i < BUCKETS; i++)
        m->buckets[i] += v[GOING_ON + i];
    m->largest_bucket = max_u64(m->largest_bucket, v[GOING_ON + BUCKETS]);
}

/* ---- steps ---- */

void checkpoint_begin(struct checkpoint *k, uint64_t rows, struct metrics *m) {
    if (!k)
        return;
    if (k->resumes && comm_rank(k->c) == 0)
        take_counts(k->counts, m);
    m->resumed = k->next;
    k->writer =
        kept_writer_create(k->directory, (uint64_t)comm_rank(k->c), rows <= UINT32_MAX && !k->o->top_k);
    k->since = seconds_now();
    watch_grace(GRACE);
}

uint64_t checkpoint_next(const struct checkpoint *k) {
    return k ? k->next : 0;
}

/* Open this rank's next file: they are dealt out in turns. False when there is none. */
static bool open_next(struct checkpoint *k, struct error *e) {
    uint64_t number = 0, size = (uint64_t)comm_size(k->c);
    for (uint64_t i = 0; i < k->parts; i++)
        for (uint64_t r = 0; r < k->part[i].ranks; r++) {
            const struct part *p = &k->part[i];
            if (p->n[r] == 0 || number++ % size != (uint64_t)comm_rank(k->c) || number <= k->file)
                continue;
            k->file = number;
            k->reader = kept_open((struct kept_name){k->directory, k->job, p->next, r}, p->n[r], e);
            return k->reader != NULL;
        }
    return false;
}

uint64_t checkpoint_read(struct checkpoint *k, struct pair *pairs, uint64_t most, struct error *e) {
    while (k && !e->status && (k->reader || open_next(k, e))) {
        uint64_t n = kept_read(k->reader, pairs, most, e);
        if (n > 0)
            return n;
        kept_close(k->reader);
        k->reader = NULL;
    }
    return 0;
}

void checkpoint_keep(struct checkpoint *k, const struct pair *pairs, uint64_t n, struct error *e) {
    if (k)
        kept_write(k->writer, pairs, n, e);
}

bool checkpoint_is_due(struct checkpoint *k) {
    if (!k)
        return false;
    double now = seconds_now(), every = k->o->checkpoint_every;
    uint64_t due = watch_asked() != NULL;
    if (comm_rank(k->c) == 0)
        due |= now - k->since >= (every >= 0 ? every : fmax(usual_time, usual_times * k->cost));
    comm_max(k->c, &due, 1);
    k->begun = now;
    return due;
}

/* Collective. A new part of this step, once all ranks' files are there. */
static int finish_part(struct checkpoint *k, uint64_t next, struct error *e) {
    uint64_t size = (uint64_t)comm_size(k->c), rank = (uint64_t)comm_rank(k->c), n = kept_written(k->writer);
    fault_point("keep");
    kept_finish(k->writer, (struct kept_name){k->directory, k->job, next, rank}, e);
    if (comm_failed(k->c, e))
        return e->status;
    struct part *p = add_part(k, next, size);
    p->n[rank] = n;
    comm_sum(k->c, p->n, size);
    return 0;
}

int checkpoint_commit(struct checkpoint *k, uint64_t next, bool replaces, struct metrics *m,
                      struct error *e) {
    if (replaces)
        forget_parts(k);
    if (finish_part(k, next, e))
        return e->status;
    k->next = next;
    json_decref(k->counts);
    k->counts = counts_json(k->c, m);
    if (comm_rank(k->c) == 0) {
        fault_point("commit");
        write_state(k, e);
        if (replaces && !e->status)
            clean(k, false);
    }
    m->checkpoints++;
    k->since = seconds_now();
    k->cost = k->since - k->begun;
    make_advice(k);
    if (watch_asked())
        watch_grace(0);
    comm_failed(k->c, e);
    return e->status;
}

void checkpoint_remove(struct checkpoint *k) {
    if (k && comm_rank(k->c) == 0)
        clean(k, true);
}
