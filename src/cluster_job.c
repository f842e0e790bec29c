#include "cluster_job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "h5_create.h"
#include "h5_read.h"

static const uint64_t top_bit = (uint64_t)1 << 63;

/* Numbers of which the larger is the better, as unsigned ones in the same order, in place. */
static void order_scores(const struct h5_list *list, uint64_t *score, uint64_t first, uint64_t n,
                         struct error *e) {
    for (uint64_t i = 0; i < n && !e->status; i++) {
        double v;
        memcpy(&v, &score[i], sizeof v);
        if (list->is_float && isnan(v))
            error_set(e, EX_DATAERR, "%s: %s: number %llu is NaN", list->file, list->path,
                      (unsigned long long)(first + i));
        if (list->is_float && v == 0)
            score[i] = 0; /* of both signs */
        if (list->is_float && score[i] & top_bit)
            score[i] = ~score[i];
        else if (list->is_float || list->is_signed)
            score[i] ^= top_bit;
    }
}

static void read_scores(struct cluster_job *j, struct error *e) {
    uint64_t first = j->in->shard.start[j->in->shard.rank], n = shard_local_rows(&j->in->shard);
    struct input *named = mem_zero(1, sizeof *named);
    struct h5_list list = {0};
    int64_t file = 0;
    if (!input_split_name(j->options->keep_score, named, e) && !h5_file_open(&file, named->file, e) &&
        !h5_list_open_any(&list, file, named->file, named->object, e)) {
        if (list.length != j->in->shard.rows)
            error_set(e, EX_DATAERR, "%s: %s: %llu numbers for %llu records", named->file, named->object,
                      (unsigned long long)list.length, (unsigned long long)j->in->shard.rows);
        else if (!h5_list_read(&list, first, n, sizeof *j->score, j->score, e))
            order_scores(&list, j->score, first, n, e);
    }
    h5_list_close(&list);
    h5_file_close(&file);
    free(named);
}

int cluster_job_open(struct cluster_job *j, struct error *e) {
    const struct shard *s = &j->in->shard;
    uint64_t n = shard_local_rows(s);
    if (j->options->keep == KEEP_LONGEST && j->in->family->is_of_vectors)
        error_set(e, EX_USAGE, "--keep longest: vectors are all of one length");
    if (j->options->keep == KEEP_LONGEST || j->options->keep == KEEP_SCORE)
        j->score = mem_alloc(n, sizeof *j->score);
    if (j->options->keep == KEEP_SCORE && !e->status)
        read_scores(j, e);
    for (uint64_t i = 0; i < n && j->options->keep == KEEP_LONGEST; i++)
        j->score[i] = records_length(&j->in->records, i);
    j->cluster = (struct cluster){.comm = j->comm,
                                  .shard = s,
                                  .method = j->options->cluster_method,
                                  .score = j->score,
                                  .most = j->options->round_bytes};
    comm_failed(j->comm, e);
    return e->status;
}

static void count_groups(struct cluster_job *j, const uint64_t *label, const uint8_t *keep) {
    uint64_t n = shard_local_rows(&j->in->shard), *size = mem_alloc(n, sizeof *size);
    struct metrics *m = j->metrics;
    cluster_sizes(&j->cluster, label, size);
    for (uint64_t i = 0; i < n; i++) {
        if (size[i] > 0)
            m->groups[63 - __builtin_clzll(size[i])]++;
        m->largest_group = max_u64(m->largest_group, size[i]);
        m->count[COUNT_DROPPED] += !keep[i];
    }
    m->cluster_rounds = j->cluster.rounds;
    free(size);
}

/* A dataset that is in memory. */
struct column {
    const char *data;
    uint64_t item;
};

static int fill(void *ctx, uint64_t at, uint64_t n, void *out, struct error *e) {
    const struct column *column = ctx;
    memcpy(out, column->data + at * column->item, n * column->item);
    return e->status;
}

static void write_columns(struct cluster_job *j, const char *file, const uint64_t *label, const uint8_t *keep,
                          struct error *e) {
    const struct shard *s = &j->in->shard;
    struct column columns[] = {{(const char *)label, sizeof *label}, {(const char *)keep, sizeof *keep}};
    struct h5_part part = {.rank = 1,
                           .rows = s->rows,
                           .width = 1,
                           .first = s->start[s->rank],
                           .n = shard_local_rows(s),
                           .memory = j->options->round_bytes,
                           .fill = fill};
    struct h5_new *f = h5_new_create(j->comm, file, e);
    if (!f)
        return;
    if (!h5_new_text(f, "method", j->cluster.method == CLUSTER_STAR ? "star" : "components", e) &&
        !s->self_join)
        h5_new_number(f, "left_rows", s->split, e); /* where those of the second input begin */
    for (int i = 0; i < 2 && !e->status; i++) {
        part.path = i ? "keep" : "label";
        part.type = i ? H5_UINT8 : H5_UINT64;
        part.ctx = &columns[i];
        h5_new_dataset(f, &part, e);
    }
    h5_new_close(f, e);
}

static void write_file(struct cluster_job *j, const struct output *out, const uint64_t *label,
                       const uint8_t *keep, struct error *e) {
    char *part = output_part(out, "clusters.h5");
    write_columns(j, part, label, keep, e);
    if (comm_rank(j->comm) == 0 && !e->status)
        output_name(out, "clusters.h5", e);
    comm_failed(j->comm, e);
    free(part);
}

int cluster_job_write(struct cluster_job *j, const struct output *out, struct error *e) {
    metrics_stage(j->metrics, STAGE_CLUSTER);
    uint64_t n = shard_local_rows(&j->in->shard), *label = mem_alloc(n, sizeof *label);
    uint8_t *keep = mem_alloc(n, sizeof *keep);
    cluster_finish(&j->cluster, label, keep);
    count_groups(j, label, keep);
    if (j->options->arrays) {
        arrays_take_groups(j->options->arrays, j->comm, &j->in->shard, j->options->round_bytes, label, keep);
    } else {
        write_file(j, out, label, keep, e);
    }
    free(keep);
    free(label);
    metrics_stage(j->metrics, STAGE_WRITE);
    return e->status;
}

void cluster_job_close(struct cluster_job *j) {
    cluster_free(&j->cluster);
    free(j->score);
}
