#include "sink.h"

void sink_open(struct sink *s) {
    if (!s->options->top_k)
        return;
    if (s->one_way)
        s->shard.self_join = false; /* no pair is turned around */
    s->nearest = (struct nearest){.comm = s->comm,
                                  .shard = &s->shard,
                                  .k = s->options->top_k,
                                  .smaller_is_nearer = s->smaller_is_nearer,
                                  .most = s->options->round_bytes};
    nearest_open(&s->nearest);
}

void sink_close(struct sink *s) {
    if (s->options->top_k)
        nearest_close(&s->nearest);
}

int sink_take(struct sink *s, const struct pair *pairs, uint64_t n, struct error *e) {
    metrics_stage(s->metrics, STAGE_WRITE);
    s->metrics->count[COUNT_PAIRS] += n;
    if (s->options->top_k)
        nearest_add(&s->nearest, pairs, n);
    else
        output_write(s->output, pairs, n, e);
    if (s->cluster) {
        metrics_stage(s->metrics, STAGE_CLUSTER);
        cluster_take(s->cluster, pairs, n);
    }
    return e->status;
}

double sink_limit(const struct sink *s, uint64_t row) {
    return nearest_limit(&s->nearest, row);
}

int sink_finish(struct sink *s, struct error *e) {
    metrics_stage(s->metrics, STAGE_WRITE);
    if (s->options->top_k)
        nearest_write(&s->nearest, s->output, &s->metrics->count[COUNT_PAIRS], e);
    return e->status;
}
