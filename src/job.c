#include "job.h"

#include <stdlib.h>
#include <sysexits.h>

#include "home.h"
#include "input.h"
#include "lshjoin/band.h"
#include "lshjoin/bucket.h"
#include "lshjoin/candidate.h"
#include "lshjoin/family.h"
#include "report.h"

/* The part of a round's bound that candidates may fill: sorted and compared, they need several times their
 * size. */
enum { CANDIDATE_SHARE = 4 };

struct job {
    struct comm *c;
    const struct options *o;
    struct pool *pool;
    const struct family *family;
    struct metrics metrics;
    struct inputs in;
    struct signatures signatures;
    struct home home;

    struct bins bins;
    uint64_t *n_sent, *n_received; /* [ranks][bands][bins of an owner] tuples to and from every rank */
    struct bucket_list *lists;     /* [threads] buckets of the round */
    struct u64_pair *slots;        /* [ranks][slot_size] candidates to every rank */
    uint64_t slot_size;
};

/* Of counts[ranks][bands][bins of an owner]: how many tuples of the round go to (come from) each rank. */
static void count_round(const struct job *j, const uint64_t *counts, struct round round, uint64_t *of_rank) {
    for (int rank = 0; rank < comm_size(j->c); rank++) {
        of_rank[rank] = 0;
        for (uint64_t band = round.band; band < round.band_end; band++)
            for (uint64_t bin = round.bin; bin < round.bin_end; bin++)
                of_rank[rank] += counts[((uint64_t)rank * j->o->bands + band) * j->bins.per_owner + bin];
    }
}

/* Counts first: what every rank will send to and receive from every other, and the rounds in which it stays
 * within bounds. */
static struct round *plan_rounds(struct job *j, uint64_t *n_rounds) {
    uint64_t ranks = (uint64_t)comm_size(j->c), most = j->o->round_bytes / sizeof(struct tuple);
    j->bins = bins_choose((uint32_t)ranks, j->in.shard.rows, most);
    uint64_t each = (uint64_t)j->o->bands * j->bins.per_owner;
    j->n_sent = mem_alloc(ranks * each, sizeof *j->n_sent);
    j->n_received = mem_alloc(ranks * each, sizeof *j->n_received);
    bucket_count(j->pool, j->signatures.keys, j->signatures.n, j->o->bands, j->bins, j->n_sent);
    comm_counts(j->c, j->n_sent, j->n_received, each);
    uint64_t *load = mem_alloc(each, sizeof *load);
    for (uint64_t k = 0; k < each; k++) {
        uint64_t sent = 0, received = 0;
        for (uint64_t rank = 0; rank < ranks; rank++) {
            sent += j->n_sent[rank * each + k];
            received += j->n_received[rank * each + k];
        }
        load[k] = max_u64(sent, received);
        j->metrics.count[COUNT_TUPLES] += received;
    }
    comm_max(j->c, load, each);
    struct round *rounds = bucket_rounds(load, j->o->bands, j->bins, most, n_rounds);
    free(load);
    j->metrics.rounds = *n_rounds;
    return rounds;
}

/* Keys to their owners, and there to buckets. */
static void make_buckets(struct job *j, struct round round) {
    uint64_t ranks = (uint64_t)comm_size(j->c), *n = mem_alloc(2 * ranks, sizeof *n), sum = 0;
    metrics_stage(&j->metrics, STAGE_EXCHANGE);
    count_round(j, j->n_sent, round, n);
    count_round(j, j->n_received, round, n + ranks);
    for (uint64_t rank = 0; rank < ranks; rank++)
        sum += n[rank];
    struct tuple *tuples = mem_alloc(sum, sizeof *tuples);
    bucket_partition(j->pool, j->signatures.keys, j->signatures.n, j->bins, round, tuples);
    tuples = comm_exchange(j->c, sizeof *tuples, tuples, n, n + ranks);
    metrics_stage(&j->metrics, STAGE_GROUP);
    bucket_group(j->pool, tuples, j->n_received, j->o->bands, j->bins, j->in.shard.start, round, j->lists);
    free(tuples);
    free(n);
}

/* Bucket statistics of the round. Returns how many pairs it has at most. */
static uint64_t count_buckets(struct job *j) {
    uint64_t pairs = 0;
    for (int t = 0; t < j->o->threads; t++)
        for (uint64_t b = 0; b < j->lists[t].n; b++) {
            uint64_t size = j->lists[t].bucket[b].size;
            j->metrics.buckets[63 - __builtin_clzll(size)]++;
            j->metrics.largest_bucket = max_u64(j->metrics.largest_bucket, size);
            pairs += size * (size - 1) / 2;
        }
    return pairs;
}

/* Pairs of the round's buckets to their homes, as many at a time as there is room for. `done`: share of the
 * rounds behind us, `share`: what this one is of all. */
static int send_candidates(struct job *j, double done, double share, struct error *e) {
    struct pair_cursor cursor = {&j->in.shard, j->o->exclusive, j->lists, j->o->threads, .list = 0};
    uint64_t *n = mem_alloc((uint64_t)comm_size(j->c), sizeof *n), pairs = count_buckets(j), seen = 0;
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
        if (flags[FULL])
            home_flush(&j->home, false, e);
        metrics_progress(&j->metrics, done + (pairs ? share * (double)seen / (double)pairs : share),
                         j->metrics.count[COUNT_COPIES] + seen, "candidates");
    }
    j->metrics.count[COUNT_COPIES] += seen;
    pair_cursor_free(&cursor);
    free(n);
    return e->status;
}

static void open_home(struct job *j, struct output *out) {
    uint64_t ranks = (uint64_t)comm_size(j->c);
    j->slot_size = max_u64(1, j->o->round_bytes / CANDIDATE_SHARE / sizeof *j->slots / ranks);
    j->slots = mem_alloc(ranks * j->slot_size, sizeof *j->slots);
    j->home = (struct home){j->c,      j->pool, &j->in.shard, &j->in.sets, &j->signatures,
                            j->family, j->o,    out,          &j->metrics, .n = 0};
    home_open(&j->home, 2 * ranks * j->slot_size);
}

/* From signatures to pairs written. */
static int join(struct job *j, struct output *out, struct error *e) {
    uint64_t n_rounds;
    metrics_stage(&j->metrics, STAGE_EXCHANGE);
    struct round *rounds = plan_rounds(j, &n_rounds);
    j->lists = mem_zero((uint64_t)j->o->threads, sizeof *j->lists);
    open_home(j, out);
    for (uint64_t r = 0; r < n_rounds && !e->status; r++) {
        make_buckets(j, rounds[r]);
        send_candidates(j, (double)r / (double)n_rounds, 1 / (double)n_rounds, e);
    }
    if (!e->status)
        home_flush(&j->home, true, e);
    home_close(&j->home);
    for (int t = 0; t < j->o->threads; t++)
        bucket_list_free(&j->lists[t]);
    free(j->lists);
    free(j->slots);
    free(j->n_sent);
    free(j->n_received);
    free(rounds);
    return e->status;
}

static enum format choose_format(const struct options *o, const struct inputs *in) {
    if (o->format)
        return o->format;
    return o->output ? FORMAT_H5 : in->is_mhash_stdin ? FORMAT_MHASH : FORMAT_TSV;
}

static void sign(struct job *j) {
    metrics_stage(&j->metrics, STAGE_SIGN);
    j->signatures = signatures_create(j->pool, j->family, &j->in.sets, j->o->bands, j->o->rows, j->o->seed,
                                      j->o->threshold_text == NULL);
    uint64_t n = j->signatures.n;
    for (uint64_t row = 0; row < n; row++)
        j->metrics.count[COUNT_EMPTY] += j->signatures.keys[row] == BAND_NO_KEY;
    j->metrics.count[COUNT_ELEMENTS] = records_items(&j->in.sets);
    j->metrics.count[COUNT_HASHES] = records_items(&j->in.sets) * j->o->bands * j->o->rows;
}

static enum progress choose_progress(struct comm *c, const struct options *o) {
    if (comm_rank(c) > 0 || o->quiet)
        return PROGRESS_NONE;
    if (metrics_on_terminal())
        return PROGRESS_TERMINAL;
    return o->progress ? PROGRESS_LOG : PROGRESS_NONE;
}

int job_run(struct comm *c, const struct options *o) {
    struct job j = {.c = c, .o = o, .family = &family_jaccard};
    struct error e = {0};
    struct output *out = NULL;
    if (comm_size(c) > 1 && !o->output && !o->no_print)
        error_set(&e, EX_USAGE, "only a single rank prints pairs: give --output DIR (or --no-print)");
    if (comm_failed(c, &e))
        return e.status;
    metrics_begin(&j.metrics, choose_progress(c, o));
    j.pool = pool_create(o->threads);
    const char *value = o->threshold_text ? j.family->value : "bands";
    if (!inputs_read(&j.in, c, j.pool, o, &e) &&
        (out = output_open(c, j.pool, o, choose_format(o, &j.in), &j.in.shard, value, &e))) {
        sign(&j);
        if (!join(&j, out, &e) && !output_finish(out, &e))
            report_write(c, o, &j.in, out, j.family->metric, &j.metrics, &e);
        output_free(out);
        signatures_free(&j.signatures);
    }
    inputs_free(&j.in);
    pool_destroy(j.pool);
    return e.status;
}
