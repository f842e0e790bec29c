#include "report.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "forecast.h"
#include "h5_base.h"
#include "index.h"
#include "json_file.h"
#include "json_memory.h"
#include "lshjoin/cpu.h"
#include "lshjoin/fault.h"
#include "lshjoin/memory.h"

static const char *const counter_name[COUNTERS] = {
    [COUNT_EMPTY] = "empty_records",
    [COUNT_SKIPPED] = "skipped_records",
    [COUNT_ELEMENTS] = "elements",
    [COUNT_DUPLICATES] = "duplicates",
    [COUNT_GROUPS] = "duplicate_groups",
    [COUNT_HASHES] = "hash_values",
    [COUNT_SENT] = "bytes_sent",
    [COUNT_TUPLES] = "tuples",
    [COUNT_SKIPPED_BUCKETS] = "skipped_buckets",
    [COUNT_SKIPPED_PAIRS] = "skipped_pairs",
    [COUNT_COPIES] = "candidate_copies",
    [COUNT_CANDIDATES] = "candidates",
    [COUNT_PAIRS] = "pairs",
    [COUNT_DROPPED] = "dropped_records",
};

/* The numbers of one rank. */
struct measures {
    uint64_t records, count[COUNTERS], sent[STAGES], largest_bucket, largest_group, held_memory, peak_pss,
        peak_memory;
    double seconds[STAGES], total;
};

/* Of all ranks, one by one and together: sums of counts, the slowest and the largest of the rest. */
struct totals {
    uint64_t ranks;
    struct measures *of_rank; /* [ranks] */
    struct measures all;
    uint64_t buckets[33], groups[41];
    struct histogram values;
};

static void add(struct measures *all, const struct measures *one) {
    all->records += one->records;
    for (int k = 0; k < COUNTERS; k++)
        all->count[k] += one->count[k];
    for (int k = 0; k < STAGES; k++) {
        all->sent[k] += one->sent[k];
        all->seconds[k] = fmax(all->seconds[k], one->seconds[k]);
    }
    all->total = fmax(all->total, one->total);
    all->largest_bucket = max_u64(all->largest_bucket, one->largest_bucket);
    all->largest_group = max_u64(all->largest_group, one->largest_group);
    all->held_memory = max_u64(all->held_memory, one->held_memory);
    all->peak_pss = max_u64(all->peak_pss, one->peak_pss);
    all->peak_memory = max_u64(all->peak_memory, one->peak_memory);
}

static struct totals gather(struct comm *c, const struct inputs *in, const struct metrics *m,
                            const struct budget *b) {
    struct totals t = {0};
    struct measures mine = {.records = shard_local_rows(&in->shard),
                            .largest_bucket = m->largest_bucket,
                            .largest_group = m->largest_group,
                            .held_memory = b->held.bytes,
                            .peak_pss = memory_peak(b->held.shared),
                            .peak_memory = memory_peak(0),
                            .total = m->since - m->begin};
    memcpy(mine.count, m->count, sizeof mine.count);
    memcpy(mine.sent, m->sent, sizeof mine.sent);
    memcpy(mine.seconds, m->seconds, sizeof mine.seconds);
    memcpy(t.buckets, m->buckets, sizeof t.buckets);
    memcpy(t.groups, m->groups, sizeof t.groups);
    mine.count[COUNT_SENT] = *comm_bytes_sent(c);
    comm_sum(c, t.buckets, 33);
    comm_sum(c, t.groups, 41);
    t.values = m->values;
    comm_sum(c, t.values.n, HISTOGRAM_BINS);
    t.of_rank = comm_gather(c, sizeof mine, &mine, 1, 0, &(uint64_t){0}, &t.ranks);
    for (uint64_t r = 0; r < t.ranks; r++)
        add(&t.all, &t.of_rank[r]);
    return t;
}

static json_t *number(uint64_t v) {
    return json_integer((json_int_t)v);
}

/* A name as JSON; bytes that are not UTF-8 are legal in a file's name, but not there. */
static json_t *name_json(const char *name) {
    json_t *whole = json_string(name);
    if (whole)
        return whole;
    char *ascii = mem_alloc(strlen(name) + 1, 1);
    size_t n = 0;
    for (; name[n]; n++)
        ascii[n] = (unsigned char)name[n] < 0x80 ? name[n] : '?';
    json_t *readable = json_stringn(ascii, n);
    free(ascii);
    return readable;
}

static json_t *indexes_json(const struct indexes *x) {
    json_t *list = json_array();
    for (int i = 0; i < x->n; i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:o, s:o}", "index", name_json(x->of[i].file), "file",
                                        name_json(x->of[i].data.file), "object",
                                        name_json(x->of[i].data.object), "rows", number(x->of[i].data.rows)));
    return list;
}

static json_t *inputs_json(const struct inputs *in) {
    json_t *list = json_array();
    for (int i = 0; i < in->n; i++)
        json_array_append_new(list,
                              json_pack("{s:o, s:o, s:s, s:o, s:o}", "file", name_json(in->of[i].file),
                                        "object", name_json(in->of[i].object), "kind", in->of[i].kind, "rows",
                                        number(in->of[i].rows), "elements", number(in->of[i].elements)));
    return list;
}

/* Where bands were left out, which symbols each band has that was kept, as in "3 17 40". */
static json_t *bands_json(const struct drawing *d) {
    json_t *bands = json_array();
    uint32_t *pick = drawing_picks(d);
    for (uint32_t band = 0; band < d->bands; band++) {
        char text[11 * 64] = "", *next = text; /* MOST_ROWS of a plan */
        for (uint32_t k = 0; k < d->rows; k++)
            next += snprintf(next, (size_t)(text + sizeof text - next), k ? " %u" : "%u",
                             pick[(uint64_t)band * d->rows + k]);
        json_array_append_new(bands, json_string(text));
    }
    free(pick);
    return bands;
}

/* Bands by how many elements a right set may have for each of the left one. */
static json_t *tiers_json(const struct drawing *d) {
    json_t *tiers = json_array();
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        const struct tier *t = &d->tier[k];
        json_array_append_new(tiers,
                              json_pack("{s:i, s:f, s:i, s:i, s:i}", "step", (int)t->step, "ratio", t->ratio,
                                        "bands", (int)t->bands, "rows", (int)t->rows, "pool", (int)t->pool));
    }
    return tiers;
}

static json_t *parameters_json(const struct options *o, const struct inputs *in, const struct drawing *d) {
    json_t *parameters =
        json_pack("{s:s, s:b, s:i, s:i, s:o, s:i, s:i, s:s?, s:s?, s:o, s:b}", "metric", in->family->metric,
                  "exact", o->exact, "bands", (int)d->bands, "rows", (int)d->rows, "seed", number(d->seed),
                  "pool", (int)d->pool, "probes", (int)d->probes, "threshold", o->threshold_text, "radius",
                  o->radius_text, "top_k", number(o->top_k), "exclusive", o->exclusive);
    if (o->against)
        json_object_set_new(parameters, "against", json_true());
    if (in->old)
        json_object_set_new(parameters, "indexes", indexes_json(in->old));
    json_object_set_new(parameters, "duplicates",
                        json_string(o->duplicates == DUPLICATES_GROUPS ? "groups" : "pairs"));
    if (d->symbol_bits)
        json_object_update_new(
            parameters, json_pack("{s:i, s:i}", "symbol_bits", (int)d->symbol_bits, "cut", (int)d->cut));
    if (in->family->is_directed && !o->exact)
        json_object_update_new(parameters,
                               json_pack("{s:f, s:o}", "ratio", d->ratio, "tiers", tiers_json(d)));
    if (d->n_left_out)
        json_object_update_new(parameters, json_pack("{s:i, s:o}", "bands_left_out", (int)d->n_left_out,
                                                     "bands_kept", bands_json(d)));
    if (o->ids)
        json_object_set_new(parameters, "ids", json_true());
    if (o->max_bucket)
        json_object_set_new(parameters, "max_bucket", number(o->max_bucket));
    if (in->family == &family_l2)
        json_object_set_new(parameters, "width", json_real(d->width));
    if (in->family == &family_ip)
        json_object_set_new(parameters, "largest_norm", json_real(d->norm));
    return parameters;
}

/* What the plan promised, and, where bands were chosen, what was expected of them. */
static json_t *plan_json(const struct options *o, const struct inputs *in, const struct plan *p,
                         const struct survey *s, const struct budget *b) {
    if (p->agreement <= 0)
        return json_null();
    json_t *plan = json_pack("{s:f}", "recall_at_threshold", p->recall);
    if (o->recall <= 0)
        return plan;
    json_t *seconds = json_object();
    for (int k = 0; k < STAGES; k++)
        json_object_set_new(seconds, stage_name[k], json_real(p->seconds[k]));
    struct forecast f = forecast_make(p, s, in->family, o, (uint64_t)in->shard.ranks, &b->cut);
    json_object_update_new(plan, json_pack("{s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "recall_asked",
                                           o->recall, "recall_above_threshold", p->recall_above, "candidates",
                                           p->candidates, "candidate_copies", p->copies, "pairs", p->pairs,
                                           "bytes_sent", f.sent * (double)f.ranks, "peak_memory_bytes",
                                           f.memory_all, "core_seconds", seconds));
    return plan;
}

static json_t *command_json(const struct options *o) {
    json_t *list = json_array();
    for (int i = 0; i < o->argc; i++)
        json_array_append_new(list, name_json(o->command[i]));
    return list;
}

static json_t *counts_json(const struct totals *t) {
    json_t *counts = json_pack("{s:o}", "records", number(t->all.records));
    for (int k = 0; k < COUNTERS; k++)
        json_object_set_new(counts, counter_name[k], number(t->all.count[k]));
    return counts;
}

static json_t *buckets_json(const struct totals *t) {
    json_t *histogram = json_array();
    uint64_t n = 0;
    int last = 32;
    while (last > 0 && t->buckets[last] == 0)
        last--;
    for (int k = 1; k <= last; k++) {
        json_array_append_new(histogram, number(t->buckets[k]));
        n += t->buckets[k];
    }
    return json_pack("{s:o, s:o, s:o}", "count", number(n), "largest", number(t->all.largest_bucket),
                     "histogram", histogram);
}

/* Of the pairs told, in equal steps. */
static json_t *values_json(const char *name, const struct histogram *h) {
    json_t *histogram = json_array();
    for (int k = 0; k < HISTOGRAM_BINS; k++)
        json_array_append_new(histogram, number(h->n[k]));
    return json_pack("{s:s, s:f, s:f, s:o}", "name", name, "from", h->from, "to", h->to, "histogram",
                     histogram);
}

/* Sizes by powers of two, from 1 on. */
static json_t *clusters_json(const struct options *o, const struct totals *t, const struct metrics *m) {
    static const char *const keeps[] = {[KEEP_FIRST] = "first", [KEEP_LONGEST] = "longest"};
    json_t *histogram = json_array();
    bool star = o->cluster_method == CLUSTER_STAR;
    uint64_t n = 0;
    for (int k = 0; k < 41; k++)
        n += t->groups[k];
    for (uint64_t k = 0, left = n; left > 0; left -= t->groups[k++])
        json_array_append_new(histogram, number(t->groups[k]));
    json_t *keep = o->keep == KEEP_SCORE ? name_json(o->keep_score)
                                         : json_string(o->keep ? keeps[o->keep]
                                                       : star  ? "hash"
                                                               : "first");
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "method", star ? "star" : "components", "keep", keep,
                     "count", number(n), "largest", number(t->all.largest_group), "histogram", histogram,
                     "rounds", number(m->cluster_rounds));
}

static json_t *seconds_json(const struct totals *t) {
    json_t *seconds = json_object();
    for (int k = 0; k < STAGES; k++)
        json_object_set_new(seconds, stage_name[k], json_real(t->all.seconds[k]));
    json_object_set_new(seconds, "total", json_real(t->all.total));
    return seconds;
}

/* One number of each rank, which lies `offset` bytes within its measures. */
static json_t *number_of_ranks(const struct totals *t, size_t offset) {
    json_t *list = json_array();
    for (uint64_t r = 0; r < t->ranks; r++)
        json_array_append_new(list, number(*(const uint64_t *)((const char *)&t->of_rank[r] + offset)));
    return list;
}

static json_t *seconds_of_ranks(const struct totals *t, size_t offset) {
    json_t *list = json_array();
    for (uint64_t r = 0; r < t->ranks; r++)
        json_array_append_new(list, json_real(*(const double *)((const char *)&t->of_rank[r] + offset)));
    return list;
}

/* Lists by rank. */
static json_t *by_rank_json(const struct totals *t) {
    json_t *counts = json_pack("{s:o}", "records", number_of_ranks(t, offsetof(struct measures, records)));
    json_t *seconds = json_object(), *sent = json_object();
    for (size_t k = 0; k < COUNTERS; k++)
        json_object_set_new(counts, counter_name[k],
                            number_of_ranks(t, offsetof(struct measures, count) + k * sizeof(uint64_t)));
    for (size_t k = 0; k < STAGES; k++) {
        json_object_set_new(seconds, stage_name[k],
                            seconds_of_ranks(t, offsetof(struct measures, seconds) + k * sizeof(double)));
        json_object_set_new(sent, stage_name[k],
                            number_of_ranks(t, offsetof(struct measures, sent) + k * sizeof(uint64_t)));
    }
    json_object_set_new(seconds, "total", seconds_of_ranks(t, offsetof(struct measures, total)));
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "counts", counts, "seconds", seconds, "bytes_sent", sent,
                     "largest_bucket", number_of_ranks(t, offsetof(struct measures, largest_bucket)),
                     "peak_memory_bytes", number_of_ranks(t, offsetof(struct measures, peak_memory)));
}

/* Bytes of a rank, the most of all: what it may hold, what program and MPI took of themselves, what the parts
 * were to take at most, and what it held, beside what others share; and how many bands were signed together.
 */
static json_t *memory_json(const struct options *o, const struct budget *b, const struct totals *t) {
    return json_pack("{s:o, s:o, s:o, s:o, s:i}", "budget", number(o->memory_bytes), "held_by_mpi",
                     number(t->all.held_memory), "forecast", number((uint64_t)b->forecast), "peak_pss",
                     number(t->all.peak_pss), "bands_together", (int)b->cut.bands);
}

static json_t *files_json(const struct output *out, bool of_duplicates) {
    json_t *files = json_array();
    for (uint64_t i = 0; i < output_files(out); i++)
        json_array_append_new(files, json_string(output_file_name(out, of_duplicates, i)));
    return files;
}

static json_t *report_json(struct comm *c, const struct options *o, const struct inputs *in,
                           const struct plan *plan, const struct survey *survey, const struct budget *b,
                           const struct output *out, const struct metrics *m, const struct totals *t) {
    json_t *report = json_pack("{s:s, s:s, s:o, s:o, s:o}", "program", "lshjoin", "version", LSHJOIN_VERSION,
                               "command", command_json(o), "inputs", inputs_json(in), "parameters",
                               parameters_json(o, in, &plan->drawing));
    json_object_set_new(report, "plan", plan_json(o, in, plan, survey, b));
    json_object_set_new(report, "versions",
                        json_pack("{s:s, s:s}", "mpi", comm_version(), "hdf5", h5_version()));
    json_object_set_new(report, "simd", json_string(cpu_simd_name(cpu_simd())));
    json_object_set_new(report, "round_bytes", number(o->round_bytes));
    json_object_set_new(report, "ranks", json_integer(comm_size(c)));
    json_object_set_new(report, "threads", json_integer(o->threads));
    json_object_set_new(report, "files", files_json(out, false));
    if (o->duplicates == DUPLICATES_GROUPS)
        json_object_set_new(report, "duplicate_files", files_json(out, true));
    json_object_set_new(report, "counts", counts_json(t));
    json_object_set_new(report, "rounds", number(m->rounds));
    json_object_set_new(report, "batches", number(m->batches));
    if (o->checkpoint)
        json_object_set_new(
            report, "checkpoint",
            json_pack("{s:o, s:o}", "made", number(m->checkpoints), "resumed_at_step", number(m->resumed)));
    json_object_set_new(report, "buckets", buckets_json(t));
    json_object_set_new(report, "values", values_json(o->verify ? in->family->value : "bands", &t->values));
    if (o->clusters)
        json_object_set_new(report, "clusters", clusters_json(o, t, m));
    json_object_set_new(report, "seconds", seconds_json(t));
    json_object_set_new(report, "peak_memory_bytes", number(t->all.peak_memory));
    json_object_set_new(report, "by_rank", by_rank_json(t));
    json_object_set_new(report, "memory", memory_json(o, b, t));
    return report;
}

/* One that could not be made safe would look finished. */
static void write_json(const char *directory, const json_t *report, struct error *e) {
    char whole[4200];
    snprintf(whole, sizeof whole, "%s/run.json", directory);
    if (json_file_write(directory, "run.json", report, e))
        unlink(whole);
}

/* ---- the summary, a line each ---- */

static void print_found(const struct options *o, const struct measures *t) {
    uint64_t elements = t->count[COUNT_ELEMENTS], candidates = t->count[COUNT_CANDIDATES],
             pairs = t->count[COUNT_PAIRS];
    fprintf(stderr,
            "lshjoin: %" PRIu64 " record%s, %" PRIu64 " element%s: %" PRIu64 " candidate%s, %" PRIu64
            " pair%s",
            t->records, plural(t->records), elements, plural(elements), candidates, plural(candidates), pairs,
            plural(pairs));
    if (o->threshold_text)
        fprintf(stderr, " of similarity %s or more", o->threshold_text);
    if (o->radius_text)
        fprintf(stderr, " at most %s apart", o->radius_text);
    fprintf(stderr, "\n");
}

static void print_identical(uint64_t identical, uint64_t groups) {
    fprintf(stderr, "lshjoin: %" PRIu64 " record%s identical to ", identical,
            identical > 1 ? "s are" : " is");
    if (groups > 1)
        fprintf(stderr, "one of %" PRIu64 " others\n", groups);
    else
        fprintf(stderr, "another\n");
}

static void print_kept(uint64_t kept, uint64_t dropped) {
    fprintf(stderr, "lshjoin: %" PRIu64 " record%s kept, %" PRIu64 " %s dropped\n", kept,
            kept == 1 ? " is" : "s are", dropped, dropped == 1 ? "is" : "are");
}

static void print_skipped(const struct options *o, uint64_t buckets, uint64_t pairs) {
    fprintf(stderr,
            "lshjoin: warning: %" PRIu64 " bucket%s of more than %" PRIu64 " records %s skipped, and %" PRIu64
            " pair%s not looked at: less is found than was promised\n",
            buckets, plural(buckets), o->max_bucket, buckets > 1 ? "were" : "was", pairs, plural(pairs));
}

static void print_summary(uint64_t ranks, const struct options *o, const struct measures *t) {
    uint64_t dropped = t->count[COUNT_DROPPED], bad = t->count[COUNT_SKIPPED];
    print_found(o, t);
    if (t->count[COUNT_DUPLICATES])
        print_identical(t->count[COUNT_DUPLICATES], t->count[COUNT_GROUPS]);
    if (o->clusters)
        print_kept(t->records - dropped, dropped);
    if (bad)
        fprintf(stderr, "lshjoin: %" PRIu64 " bad row%s skipped\n", bad, bad > 1 ? "s were" : " was");
    if (t->count[COUNT_SKIPPED_BUCKETS])
        print_skipped(o, t->count[COUNT_SKIPPED_BUCKETS], t->count[COUNT_SKIPPED_PAIRS]);
    fprintf(stderr, "lshjoin: %.2f s on %" PRIu64 " rank%s:", t->total, ranks, plural(ranks));
    for (int k = 0; k < STAGES; k++)
        if (k != STAGE_CLUSTER || o->clusters)
            fprintf(stderr, " %s %.2f", stage_name[k], t->seconds[k]);
    fprintf(stderr, "; at most %.0f MB a rank\n", (double)t->peak_memory / 1e6);
}

int report_write(struct comm *c, const struct options *o, const struct inputs *in, const struct plan *plan,
                 const struct survey *survey, const struct budget *b, const struct output *out,
                 struct metrics *m, struct error *e) {
    metrics_end(m);
    fault_point("report");
    struct totals t = gather(c, in, m, b);
    if (comm_rank(c) == 0 && o->output) {
        json_memory_start();
        json_t *report = report_json(c, o, in, plan, survey, b, out, m, &t);
        write_json(o->output, report, e);
        json_decref(report);
    }
    if (!comm_failed(c, e) && comm_rank(c) == 0 && !o->quiet)
        print_summary(t.ranks, o, &t.all);
    free(t.of_rank);
    return e->status;
}
