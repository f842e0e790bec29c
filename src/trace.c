#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "directory.h"
#include "output.h"
#include "route.h"

enum { MOST_AT_ONCE = 1 << 24 };

struct trace {
    struct comm *c;
    const struct options *o;
    const struct indexes *old; /* of --index, or NULL */
    const char *file;
    char *part;
    FILE *out; /* of rank 0 */
    bool any;  /* an event is written */

    const struct metrics *metrics;
    uint64_t next;
};

struct event {
    struct span span;
    int rank;
};

/* At the beginning, and again when it gets its name: the run itself has made files meanwhile. */
static int check_file(const struct trace *t, struct error *e) {
    const struct options *o = t->o;
    if (output_has_name(o, t->file) || directory_holds(o->save_index, t->file) ||
        directory_holds(o->checkpoint, t->file))
        return error_set(e, EX_CANTCREAT, "%s: --trace: is where the run keeps files of its own", t->file);
    return output_check_file(t->file, o->force, o, t->old, e);
}

struct trace *trace_open(struct comm *c, const struct options *o, const struct indexes *old,
                         struct error *e) {
    const size_t ending = 32;
    struct trace *t = mem_zero(1, sizeof *t);
    *t = (struct trace){
        .c = c, .o = o, .old = old, .file = o->trace, .part = mem_alloc(strlen(o->trace) + ending, 1)};
    sprintf(t->part, "%s.part-%lld", t->file, (long long)getpid());
    if (comm_rank(c) == 0)
        unlink(t->part); /* of one that bore our number, and died */
    if (comm_rank(c) == 0 && !check_file(t, e) && !(t->out = fopen(t->part, "wx")))
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", t->part, strerror(errno));
    if (!comm_failed(c, e))
        return t;
    trace_close(t);
    return NULL;
}

static bool next_event(void *ctx, void *out, int *to) {
    struct trace *t = ctx;
    if (t->next == t->metrics->n_spans)
        return false;
    *(struct event *)out = (struct event){t->metrics->span[t->next++], comm_rank(t->c)};
    *to = 0;
    return true;
}

/* Microseconds. */
static void write_events(void *ctx, const void *items, uint64_t n) {
    struct trace *t = ctx;
    const struct event *event = items;
    for (uint64_t i = 0; i < n; i++, t->any = true)
        fprintf(t->out,
                "%s{\"name\": \"%s\", \"cat\": \"stage\", \"ph\": \"X\", \"ts\": %.3f, \"dur\": %.3f, "
                "\"pid\": %d, "
                "\"tid\": 0, \"args\": {\"bytes_sent\": %" PRIu64 "}}",
                t->any ? ",\n" : "", stage_name[event[i].span.stage], event[i].span.begin * 1e6,
                (event[i].span.end - event[i].span.begin) * 1e6, event[i].rank, event[i].span.sent);
}

static void name_ranks(struct trace *t) {
    for (int rank = 0; rank < comm_size(t->c); rank++, t->any = true)
        fprintf(
            t->out,
            "%s{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": %d, \"args\": {\"name\": \"rank %d\"}},\n"
            "{\"name\": \"process_sort_index\", \"ph\": \"M\", \"pid\": %d, \"args\": {\"sort_index\": %d}}",
            t->any ? ",\n" : "", rank, rank, rank, rank);
}

int trace_write(struct trace *t, const struct metrics *m, struct error *e) {
    t->metrics = m;
    if (t->out) {
        fputs("[\n", t->out);
        name_ranks(t);
    }
    route(t->c, sizeof(struct event), MOST_AT_ONCE, next_event, write_events, t);
    if (t->out) {
        fputs("\n]\n", t->out);
        bool good = !ferror(t->out);
        good = fclose(t->out) == 0 && good;
        t->out = NULL;
        if (!good)
            error_set(e, EX_IOERR, "%s: cannot be written: %s", t->part, strerror(errno));
        if (!e->status && !check_file(t, e) && rename(t->part, t->file) != 0)
            error_set(e, EX_IOERR, "%s: cannot be written: %s", t->file, strerror(errno));
        if (e->status)
            unlink(t->part);
    }
    comm_failed(t->c, e);
    return e->status;
}

void trace_close(struct trace *t) {
    if (!t)
        return;
    if (t->out) {
        fclose(t->out);
        unlink(t->part);
    }
    free(t->part);
    free(t);
}
