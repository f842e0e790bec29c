#include "job.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "budget.h"
#include "checkpoint.h"
#include "cluster_job.h"
#include "collapse.h"
#include "deleted.h"
#include "exact_job.h"
#include "forecast.h"
#include "hash_join.h"
#include "index.h"
#include "index_save.h"
#include "input.h"
#include "mates.h"
#include "output.h"
#include "planning.h"
#include "report.h"
#include "say.h"
#include "sink.h"
#include "sketch_join.h"
#include "trace.h"
#include "watch.h"

struct job {
    struct comm *c;
    const struct options *o;
    struct options fitted; /* what o is: memory and rounds as there is room for */
    struct budget budget;
    struct pool *pool;
    struct metrics metrics;
    struct inputs in;
    struct indexes *old; /* of --index, or NULL */
    struct cluster_job groups;
    struct duplicates duplicates;
    struct plan plan;
    struct survey survey; /* of what was planned for */
    struct checkpoint *checkpoint;
    struct trace *trace; /* of --trace, or NULL */
    int index_lock;      /* of the directory of --save-index; or -1 */
};

/* Without a threshold every value will do. */
static struct threshold choose_threshold(const struct options *o, const struct family *family) {
    if (o->threshold_text || o->radius_text)
        return o->threshold;
    return (struct threshold){{0, 1}, family->smaller_is_nearer ? INFINITY : -INFINITY};
}

static void count_records(struct job *j) {
    const struct records *r = &j->in.records;
    for (uint64_t row = 0; row < r->n && !j->in.family->is_of_vectors; row++)
        j->metrics.count[COUNT_EMPTY] += records_length(r, row) == 0;
    j->metrics.count[COUNT_SKIPPED] = j->in.skipped;
    j->metrics.count[COUNT_ELEMENTS] = records_items(r);
}

/* Pairs of identical records. */
static int find_mates(struct job *j, const struct threshold *threshold, struct sink *sink, struct error *e) {
    uint64_t n;
    metrics_stage(&j->metrics, STAGE_VERIFY);
    struct pair *pairs = mates_find(&j->duplicates, j->pool, j->o, &j->in, &j->plan, threshold, &n);
    sink_take_mates(sink, pairs, n, e);
    free(pairs);
    return e->status;
}

/* From records to similar pairs. */
static int find_pairs(struct job *j, struct sink *sink, struct error *e) {
    struct threshold threshold = choose_threshold(j->o, j->in.family);
    if (sink->tells_all && j->in.shard.self_join && find_mates(j, &threshold, sink, e))
        return e->status;
    if (j->o->exact)
        return exact_join(j->c, j->pool, j->o, &j->in, &threshold, sink, &j->metrics, e);
    if (j->plan.drawing.symbol_bits)
        return sketch_join(j->c, j->pool, j->o, &j->in, &j->plan, &threshold, sink, &j->metrics, e);
    return hash_join(j->c, j->pool, j->o, &j->in, &j->plan, j->budget.cut.bands, &threshold, sink,
                     &j->metrics, e);
}

/* From records to pairs written. */
static int join(struct job *j, struct output *out, struct error *e) {
    struct sink sink = {.comm = j->c,
                        .pool = j->pool,
                        .options = j->o,
                        .shard = j->in.shard,
                        .duplicates = &j->duplicates,
                        .smaller_is_nearer = j->in.family->smaller_is_nearer,
                        .ordered = j->in.family->is_directed || exact_is_one_way(j->o, j->in.family),
                        .output = out,
                        .checkpoint = j->checkpoint,
                        .metrics = &j->metrics};
    if (j->o->clusters)
        sink.cluster = &j->groups.cluster;
    if (!sink_open(&sink, e) && !find_pairs(j, &sink, e) && !sink_finish(&sink, e) && sink.cluster)
        cluster_job_write(&j->groups, out, e);
    sink_close(&sink);
    return e->status;
}

/* Let one record stand for all that are identical to it, and tell of whom, if that is asked for. */
static int tell_identical(struct job *j, struct output *out, struct error *e) {
    collapse(&j->duplicates, j->c, j->pool, j->o, &j->in, &j->metrics);
    metrics_stage(&j->metrics, STAGE_WRITE);
    if (j->o->duplicates == DUPLICATES_GROUPS)
        collapse_tell(&j->duplicates, &j->in, j->o->clusters ? &j->groups.cluster : NULL, out, e);
    return e->status;
}

/* The groups of similar records, ready to take pairs. */
static int open_groups(struct job *j, struct error *e) {
    j->groups = (struct cluster_job){.comm = j->c, .options = j->o, .in = &j->in, .metrics = &j->metrics};
    return j->o->clusters ? cluster_job_open(&j->groups, e) : 0;
}

/* What the bands will be: the checkpoint's where there is one. */
static int make_plan(struct job *j, struct error *e) {
    metrics_stage(&j->metrics, STAGE_PLAN);
    if (!checkpoint_has_plan(j->checkpoint, &j->plan, &j->survey))
        planning_make(&j->plan, &j->survey, j->c, j->pool, j->o, &j->in, e);
    checkpoint_plan(j->checkpoint, &j->plan, &j->survey);
    return e->status;
}

/* From pairs to files that are whole; who asks to leave now has it soon. */
static int finish(struct job *j, struct output *out, struct error *e) {
    watch_grace(INFINITY);
    if (!output_finish(out, e) &&
        !report_write(j->c, j->o, &j->in, &j->plan, &j->survey, &j->budget, out, &j->metrics, e))
        checkpoint_remove(j->checkpoint);
    return e->status;
}

/* What is to be replaced goes when nothing but bad luck can hinder the job any more. */
static int make_way(struct job *j, struct output *out, struct error *e) {
    hash_join_admit(j->o, &j->in, &j->plan, e);
    if (comm_failed(j->c, e))
        return e->status;
    if (!index_save_admit(j->c, j->o, &j->in, &j->plan, e) && !output_make_way(out, e))
        checkpoint_make_way(j->checkpoint);
    return e->status;
}

/* From records to pairs, and the report. */
static int run(struct job *j, struct output *out, struct error *e) {
    say_inputs(j->c, j->o, &j->in);
    count_records(j);
    if (checkpoint_identify(j->checkpoint, &j->in, e) || open_groups(j, e))
        return e->status;
    if (make_plan(j, e))
        return e->status;
    say_plan(j->c, j->o, &j->plan);
    if (budget_fit(&j->budget, j->c, &j->fitted, &j->in, &j->plan, e))
        return e->status;
    say_cut(j->c, j->o, &j->budget);
    if (make_way(j, out, e))
        return e->status;
    if (j->o->save_index &&
        index_save(j->c, j->pool, j->o, &j->in, &j->plan, j->budget.cut.bands, &j->metrics, e))
        return e->status;
    if (j->o->save_index && j->o->no_print && !j->o->output) /* an index alone is wanted */
        metrics_end(&j->metrics);
    else if (tell_identical(j, out, e) || join(j, out, e) || finish(j, out, e))
        return e->status;
    return j->trace ? trace_write(j->trace, &j->metrics, e) : 0;
}

/* Tell the plan, and what it will need. */
static void dry_run(struct job *j, struct error *e) {
    struct survey *s = &j->survey;
    uint64_t ranks = j->o->assume_ranks ? j->o->assume_ranks : (uint64_t)comm_size(j->c);
    if (planning_dry(&j->plan, s, &j->in, j->c, j->pool, j->o, e))
        return;
    struct load load = forecast_load(s, ranks);
    budget_fit_load(&j->budget, &j->fitted, &load, j->in.family, &j->plan, e);
    if (comm_failed(j->c, e) || comm_rank(j->c) > 0)
        return;
    struct forecast f = forecast_make(&j->plan, s, j->in.family, j->o, ranks, &j->budget.cut);
    metrics_end(&j->metrics);
    forecast_print(stdout, &f, &j->plan, s, &j->in, j->o);
}

static bool open_trace(struct job *j, struct error *e) {
    if (j->o->trace) {
        metrics_keep_spans(&j->metrics);
        j->trace = trace_open(j->c, j->o, j->old, e);
    }
    return !e->status;
}

static bool prepare_index(struct job *j, struct error *e) {
    j->index_lock = index_save_prepare(j->c, j->o, j->old, e);
    return !e->status;
}

static bool open_checkpoint(struct job *j, struct error *e) {
    j->checkpoint = checkpoint_open(j->c, j->o, e);
    return !e->status;
}

int job_run(struct comm *c, const struct options *given, struct error *e) {
    struct job j = {.c = c, .fitted = *given, .index_lock = -1};
    const struct options *o = j.o = &j.fitted;
    if (comm_size(c) > 1 && !o->output && !o->no_print && !o->dry_run && !o->arrays)
        error_set(e, EX_USAGE, "only a single rank prints pairs: give --output DIR (or --no-print)");
    if (comm_failed(c, e))
        return e->status;
    if (!o->arrays) /* signals are for another program, then */
        watch_start(comm_rank(c), comm_size(c), o->stall_timeout);
    metrics_begin(&j.metrics, metrics_choose(comm_rank(c), o->quiet, o->progress), comm_bytes_sent(c));
    budget_open(&j.budget, c, &j.fitted);
    j.pool = pool_create(o->threads);
    struct output *out = NULL;
    j.old = indexes_open(c, &j.fitted, e);
    if (o->dry_run)
        dry_run(&j, e);
    else if (!e->status && open_trace(&j, e) && (out = output_prepare(c, j.pool, o, j.old, e)) &&
             prepare_index(&j, e) && open_checkpoint(&j, e) &&
             !inputs_read(&j.in, j.old, c, j.pool, o, &j.metrics, e) &&
             !deleted_take(c, j.pool, o, &j.in, e) && !output_open(out, &j.in, &j.metrics.values, e))
        run(&j, out, e);
    if (out)
        output_free(out);
    checkpoint_close(j.checkpoint);
    cluster_job_close(&j.groups);
    duplicates_free(&j.duplicates);
    trace_close(j.trace);
    metrics_free(&j.metrics);
    inputs_free(&j.in);
    indexes_close(j.old);
    if (j.index_lock >= 0)
        close(j.index_lock);
    pool_destroy(j.pool);
    return e->status;
}
