#include "sink.h"

#include <stdlib.h>

enum { RESUME_SHARE = 8 }; /* of a round: pairs that are read again at once */

/* Collective. The end of the way: to the output, and to the groups. */
static int write_told(void *ctx, const struct pair *pairs, uint64_t n, struct error *e) {
    struct sink *s = ctx;
    s->metrics->count[COUNT_PAIRS] += n;
    output_write(s->output, pairs, n, e);
    if (s->cluster) {
        metrics_stage(s->metrics, STAGE_CLUSTER);
        cluster_take(s->cluster, pairs, n);
        metrics_stage(s->metrics, STAGE_WRITE);
    }
    return e->status;
}

static int pass_on(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e) {
    return s->tells_all ? tell_pairs(&s->tell, pairs, n, e) : write_told(s, pairs, n, e);
}

static int pass_on_ranked(void *ctx, const struct pair *pairs, uint64_t n, struct error *e) {
    struct sink *s = ctx;
    return s->tells_all ? tell_nearest(&s->tell, pairs, n, e) : write_told(s, pairs, n, e);
}

/* Pairs that an earlier run of the job had found. */
static int take_again(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e) {
    if (s->options->top_k)
        nearest_restore(&s->nearest, pairs, n);
    else
        pass_on(s, pairs, n, e);
    return e->status;
}

static int resume(struct sink *s, struct error *e) {
    const uint64_t most = max_u64(1, s->options->round_bytes / RESUME_SHARE / sizeof(struct pair));
    struct pair *pairs = mem_alloc(most, sizeof *pairs);
    for (uint64_t more = true; more && !e->status;) {
        uint64_t n = checkpoint_read(s->checkpoint, pairs, most, e);
        more = n > 0;
        comm_max(s->comm, &more, 1);
        if (!comm_failed(s->comm, e))
            take_again(s, pairs, n, e);
    }
    free(pairs);
    return e->status;
}

static struct tell open_tell(struct sink *s) {
    return (struct tell){.comm = s->comm,
                         .pool = s->pool,
                         .shard = &s->shard,
                         .duplicates = s->duplicates,
                         .exclusive = s->options->exclusive,
                         .ordered = s->ordered,
                         .nearest = s->options->top_k,
                         .most = s->options->round_bytes,
                         .take = write_told,
                         .ctx = s};
}

int sink_open(struct sink *s, struct error *e) {
    const struct options *o = s->options;
    s->tells_all = s->duplicates->all > 0 && o->duplicates == DUPLICATES_PAIRS;
    s->tell = open_tell(s);
    if (o->top_k) {
        s->nearest = (struct nearest){.comm = s->comm,
                                      .shard = &s->shard,
                                      .k = o->top_k + s->tells_all, /* see tell_nearest */
                                      .mirrors = s->shard.self_join && !s->ordered,
                                      .smaller_is_nearer = s->smaller_is_nearer,
                                      .most = o->round_bytes};
        nearest_open(&s->nearest);
    }
    metrics_stage(s->metrics, STAGE_WRITE);
    checkpoint_begin(s->checkpoint, s->shard.rows, s->metrics);
    return sink_first_step(s) > 0 ? resume(s, e) : 0;
}

void sink_close(struct sink *s) {
    if (s->options->top_k)
        nearest_close(&s->nearest);
}

int sink_take(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e) {
    metrics_stage(s->metrics, STAGE_WRITE);
    if (s->options->top_k) {
        nearest_add(&s->nearest, pairs, n);
    } else {
        checkpoint_keep(s->checkpoint, pairs, n, e);
        pass_on(s, pairs, n, e);
    }
    comm_failed(s->comm, e);
    return e->status;
}

int sink_take_mates(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e) {
    metrics_stage(s->metrics, STAGE_WRITE);
    if (s->options->top_k && sink_first_step(s) > 0)
        return e->status; /* they are among the nearest that were kept */
    if (s->options->top_k)
        nearest_add(&s->nearest, pairs, n);
    else
        pass_on(s, pairs, n, e);
    return e->status;
}

uint64_t sink_first_step(const struct sink *s) {
    return checkpoint_next(s->checkpoint);
}

bool sink_step_is_due(struct sink *s, struct error *e) {
    return !comm_failed(s->comm, e) && checkpoint_is_due(s->checkpoint);
}

static int keep(void *checkpoint, const struct pair *pairs, uint64_t n, struct error *e) {
    checkpoint_keep(checkpoint, pairs, n, e);
    return e->status;
}

int sink_end_step(struct sink *s, uint64_t next, struct error *e) {
    metrics_stage(s->metrics, STAGE_WRITE);
    if (s->options->top_k) /* of all pairs so far the nearest are enough */
        nearest_each(&s->nearest, keep, s->checkpoint, e);
    return checkpoint_commit(s->checkpoint, next, s->options->top_k > 0, s->metrics, e);
}

double sink_limit(const struct sink *s, uint64_t row) {
    return nearest_limit(&s->nearest, row);
}

int sink_finish(struct sink *s, struct error *e) {
    metrics_stage(s->metrics, STAGE_WRITE);
    if (s->options->top_k)
        nearest_tell(&s->nearest, pass_on_ranked, s, e);
    return e->status;
}
