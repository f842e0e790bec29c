#include "job.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "forecast.h"
#include "home.h"
#include "input.h"
#include "lshjoin/band.h"
#include "lshjoin/candidate.h"
#include "lshjoin/cpu.h"
#include "lshjoin/family.h"
#include "owner.h"
#include "planning.h"
#include "report.h"

/* The part of a round's bound that candidates may fill: sorted and compared, they need several times their
 * size. */
enum { CANDIDATE_SHARE = 4 };

struct job {
    struct comm *c;
    const struct options *o;
    struct pool *pool;
    struct metrics metrics;
    struct inputs in;
    struct plan plan;
    struct signatures signatures;
    struct home home;
    struct nearest nearest;
    struct owner owner;
    struct u64_pair *slots; /* [ranks][slot_size] candidates to every rank */
    uint64_t slot_size;
};

/* With --verbose, what the job is about to do; from rank 0. */
static __attribute__((format(printf, 2, 3))) void say(const struct job *j, const char *format, ...) {
    if (!j->o->verbose || comm_rank(j->c) > 0)
        return;
    va_list args;
    va_start(args, format);
    fputs("lshjoin: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

/* Pairs of the round's buckets, `pairs` at most, to their homes, as many at a time as there is room for.
 * `done`: share of the rounds behind us; `share`: what this one is of all. */
static int send_candidates(struct job *j, uint64_t pairs, double done, double share, struct error *e) {
    struct pair_cursor cursor = {.shard = &j->in.shard,
                                 .exclusive = j->o->exclusive,
                                 .asymmetric = j->in.family->is_asymmetric,
                                 .lists = j->owner.lists,
                                 .n_lists = j->o->threads};
    uint64_t *n = mem_alloc((uint64_t)comm_size(j->c), sizeof *n), seen = 0;
    enum { MORE, FULL, FLAGS };
    uint64_t flags[FLAGS] = {true, false};
    while (flags[MORE] && !e->status) {
        metrics_stage(&j->metrics, STAGE_CANDIDATES);
        flags[MORE] = pair_cursor_next(&cursor, j->slots, j->slot_size, n);
        for (int rank = 0; rank < comm_size(j->c); rank++)
            seen += n[rank];
        j->home.n +=
            comm_exchange_slots(j->c, sizeof *j->slots, j->slots, j->slot_size, n, j->home.batch + j->home.n);
        flags[FULL] = 2 * j->home.n > j->home.capacity;
        comm_max(j->c, flags, FLAGS);
        if (flags[FULL]) {
            say(j, "batch %" PRIu64 ": comparing %" PRIu64 " candidates here", j->metrics.batches + 1,
                j->home.n);
            home_flush(&j->home, false, e);
        }
        metrics_progress(&j->metrics, done + share * (double)min_u64(seen, pairs) / (double)max_u64(1, pairs),
                         j->metrics.count[COUNT_COPIES] + seen);
    }
    j->metrics.count[COUNT_COPIES] += seen;
    pair_cursor_free(&cursor);
    free(n);
    return e->status;
}

/* Without a threshold every value will do. */
static struct threshold choose_threshold(const struct options *o, const struct family *family) {
    if (o->threshold_text || o->radius_text)
        return o->threshold;
    return (struct threshold){{0, 1}, family->smaller_is_nearer ? INFINITY : -INFINITY};
}

static void open_home(struct job *j, struct output *out) {
    uint64_t ranks = (uint64_t)comm_size(j->c);
    j->slot_size = max_u64(1, j->o->round_bytes / CANDIDATE_SHARE / sizeof *j->slots / ranks);
    j->slots = mem_alloc(ranks * j->slot_size, sizeof *j->slots);
    j->home = (struct home){.comm = j->c,
                            .pool = j->pool,
                            .shard = &j->in.shard,
                            .records = &j->in.records,
                            .signatures = &j->signatures,
                            .family = j->in.family,
                            .options = j->o,
                            .threshold = choose_threshold(j->o, j->in.family),
                            .output = out,
                            .nearest = j->o->top_k ? &j->nearest : NULL,
                            .metrics = &j->metrics};
    home_open(&j->home, 2 * ranks * j->slot_size);
    if (j->home.nearest) {
        j->nearest = (struct nearest){.comm = j->c,
                                      .shard = &j->in.shard,
                                      .k = j->o->top_k,
                                      .smaller_is_nearer = j->in.family->smaller_is_nearer,
                                      .most = j->o->round_bytes};
        nearest_open(&j->nearest);
    }
}

static void close_home(struct job *j, struct output *out, struct error *e) {
    if (!e->status)
        home_flush(&j->home, true, e);
    if (j->home.nearest && !e->status)
        nearest_write(&j->nearest, out, &j->metrics.count[COUNT_PAIRS], e);
    if (j->home.nearest)
        nearest_close(&j->nearest);
    home_close(&j->home);
    free(j->slots);
}

/* From signatures to pairs written. */
static int join(struct job *j, struct output *out, struct error *e) {
    j->owner = (struct owner){j->c, j->pool, &j->in.shard, &j->signatures, &j->metrics, .n_rounds = 0};
    owner_open(&j->owner, j->o->round_bytes);
    say(j, "%" PRIu64 " round%s of exchange", j->owner.n_rounds, j->owner.n_rounds > 1 ? "s" : "");
    open_home(j, out);
    double share = 1 / (double)j->owner.n_rounds;
    metrics_phase(&j->metrics, "join", "candidates");
    for (uint64_t r = 0; r < j->owner.n_rounds && !e->status; r++) {
        uint64_t pairs = owner_round(&j->owner, r);
        send_candidates(j, pairs, (double)r * share, share, e);
    }
    close_home(j, out, e);
    owner_close(&j->owner);
    return e->status;
}

/* The form of the output, once the inputs are known. */
static enum format choose_format(const struct options *o, const struct inputs *in) {
    if (o->format)
        return o->format;
    return o->output ? FORMAT_H5 : in->is_mhash_stdin ? FORMAT_MHASH : FORMAT_TSV;
}

static void say_inputs(const struct job *j) {
    for (int i = 0; i < j->in.n; i++)
        say(j, "%s %s (%s): %" PRIu64 " rows, %" PRIu64 " elements", j->in.of[i].file, j->in.of[i].object,
            j->in.of[i].kind, j->in.of[i].rows, j->in.of[i].elements);
    say(j, "metric %s, elements of %zu bytes; rank 0 holds %" PRIu64 " of %" PRIu64 " rows",
        j->in.family->metric, j->in.records.item, shard_local_rows(&j->in.shard), j->in.shard.rows);
}

static void say_plan(const struct job *j) {
    const struct drawing *d = &j->plan.drawing;
    say(j, "%u bands of %u rows, seed %" PRIu64 ", %s, %d thread%s a rank", d->bands, d->rows, d->seed,
        cpu_simd_name(cpu_simd()), j->o->threads, j->o->threads > 1 ? "s" : "");
    if (j->o->recall > 0)
        say(j, "planned for recall %g: %.4f at the threshold, pool %u, %u probes", j->o->recall,
            j->plan.recall, d->pool, d->probes);
}

static void tell_signed(void *ctx, uint64_t rows) {
    struct job *j = ctx;
    metrics_progress(&j->metrics, (double)rows / (double)max_u64(1, j->in.records.n), rows);
}

/* How many of this rank's first rows are left ones; in a self-join there is no such border. */
static uint64_t own_split(const struct shard *s) {
    uint64_t first = s->start[s->rank];
    return s->self_join ? UINT64_MAX : max_u64(s->split, first) - first;
}

static void sign(struct job *j) {
    const struct drawing *drawing = &j->plan.drawing;
    metrics_stage(&j->metrics, STAGE_SIGN);
    metrics_phase(&j->metrics, "sign", "records");
    j->signatures = signatures_create(j->pool, j->in.family, &j->in.records, drawing, own_split(&j->in.shard),
                                      !j->o->verify, tell_signed, j);
    uint64_t n = j->signatures.keys.n, items = records_items(&j->in.records);
    for (uint64_t row = 0; row < n && !j->in.family->is_of_vectors; row++)
        j->metrics.count[COUNT_EMPTY] += records_length(&j->in.records, row) == 0;
    j->metrics.count[COUNT_SKIPPED] = j->in.skipped;
    j->metrics.count[COUNT_ELEMENTS] = items;
    j->metrics.count[COUNT_HASHES] = (j->in.family->is_of_vectors ? n : items) * drawing_values(drawing);
}

static enum progress choose_progress(struct comm *c, const struct options *o) {
    if (comm_rank(c) > 0 || o->quiet)
        return PROGRESS_NONE;
    if (metrics_on_terminal())
        return PROGRESS_TERMINAL;
    return o->progress ? PROGRESS_LOG : PROGRESS_NONE;
}

/* From records to pairs, and the report. */
static int run(struct job *j, struct output *out, struct error *e) {
    say_inputs(j);
    metrics_stage(&j->metrics, STAGE_PLAN);
    if (planning_make(&j->plan, j->c, j->pool, j->o, &j->in, e))
        return e->status;
    say_plan(j);
    sign(j);
    if (!join(j, out, e) && !output_finish(out, e))
        report_write(j->c, j->o, &j->in, &j->plan, out, &j->metrics, e);
    signatures_free(&j->signatures);
    return e->status;
}

/* Tell the plan, and what it will need. */
static void dry_run(struct job *j, struct error *e) {
    struct survey s;
    if (!planning_dry(&j->plan, &s, &j->in, j->c, j->pool, j->o, &j->metrics, e) && comm_rank(j->c) == 0) {
        uint64_t ranks = j->o->assume_ranks ? j->o->assume_ranks : (uint64_t)comm_size(j->c);
        struct forecast f = forecast_make(&j->plan, &s, j->in.family, j->o, ranks);
        metrics_end(&j->metrics);
        forecast_print(stdout, &f, &j->plan, &s, &j->in, j->o);
    }
}

int job_run(struct comm *c, const struct options *o) {
    struct job j = {.c = c, .o = o};
    struct error e = {0};
    if (comm_size(c) > 1 && !o->output && !o->no_print && !o->dry_run)
        error_set(&e, EX_USAGE, "only a single rank prints pairs: give --output DIR (or --no-print)");
    if (comm_failed(c, &e))
        return e.status;
    metrics_begin(&j.metrics, choose_progress(c, o));
    j.pool = pool_create(o->threads);
    struct output *out = NULL;
    if (o->dry_run)
        dry_run(&j, &e);
    else if ((out = output_prepare(c, j.pool, o, &e)) && !inputs_read(&j.in, c, j.pool, o, &j.metrics, &e) &&
             !output_open(out, choose_format(o, &j.in), &j.in, o->verify ? j.in.family->value : "bands", &e))
        run(&j, out, &e);
    if (out)
        output_free(out);
    inputs_free(&j.in);
    pool_destroy(j.pool);
    return e.status;
}
