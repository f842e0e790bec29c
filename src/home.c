#include "home.h"

#include <stdlib.h>

#include "lshjoin/candidate.h"

void home_open(struct home *h, uint64_t capacity) {
    h->capacity = capacity;
    h->batch = mem_alloc(capacity, sizeof *h->batch);
    h->scratch = mem_alloc(capacity, sizeof *h->scratch);
    h->value = mem_alloc(capacity, sizeof *h->value);
    h->n = 0;
    h->flushed = false;
}

void home_close(struct home *h) {
    free(h->batch);
    free(h->scratch);
    free(h->value);
}

/* Compare candidates of one portion of rows; h->value[i] is the outcome. */
struct comparison {
    struct home *home;
    const struct records *mine;   /* rows by local number */
    const struct records *theirs; /* rows by place in `rows`, or, where that is NULL, by local number too */
    const uint64_t *rows;         /* relative numbers, rising */
    uint64_t first;               /* candidate */
    float (*decide)(const struct home *h, struct u64_pair c, uint64_t my_row, const struct records *theirs,
                    uint64_t their_row);
};

/* The copy of the lowest colliding band stands for its pair and carries the number of bands. */
static float decide_bands(const struct home *h, struct u64_pair c, uint64_t my_row,
                          const struct records *theirs, uint64_t their_row) {
    const struct records *digest = &h->signatures->digest;
    struct collisions found = band_collisions(digest, my_row, theirs, their_row, h->signatures->bands);
    return found.count > 0 && found.lowest == candidate_band(c) ? (float)found.count : -1;
}

static float decide_similarity(const struct home *h, struct u64_pair c, uint64_t my_row,
                               const struct records *theirs, uint64_t their_row) {
    (void)c;
    double value;
    bool similar = h->family->verify(h->options->threshold, records_row(h->records, my_row),
                                     records_length(h->records, my_row), records_row(theirs, their_row),
                                     records_length(theirs, their_row), theirs->item, &value);
    return similar ? (float)value : -1;
}

static uint64_t lower_bound(const uint64_t *rows, uint64_t n, uint64_t row) {
    uint64_t lo = 0, hi = n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (rows[mid] < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void compare_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct comparison *job = ctx;
    struct home *h = job->home;
    const struct u64_pair *c = h->batch + job->first;
    uint64_t place = job->rows ? lower_bound(job->rows, job->theirs->n, c[lo].first) : 0;
    for (uint64_t i = lo; i < hi; i++) {
        while (job->rows && job->rows[place] < c[i].first)
            place++;
        h->value[job->first + i] =
            job->decide(h, c[i], candidate_mine(c[i]), job->theirs, job->rows ? place : c[i].first);
    }
}

/* Collective. Decide all n candidates of the sorted batch, those between our own rows first, then portion by
 * portion of the rows fetched from other ranks. */
static void compare_all(struct home *h, struct comparison *job) {
    uint64_t local_rows = shard_local_rows(h->shard), locals = 0, n_rows = 0;
    while (locals < h->n && h->batch[locals].first < local_rows)
        locals++;
    job->theirs = job->mine;
    pool_for(h->pool, locals, 256, compare_some, job);
    if (comm_size(h->comm) == 1)
        return;

    uint64_t *rows = (uint64_t *)h->scratch; /* not in use between sorts, and large enough */
    for (uint64_t i = locals; i < h->n; i++)
        if (i == locals || h->batch[i].first != h->batch[i - 1].first)
            rows[n_rows++] = h->batch[i].first;
    struct fetch *fetch =
        comm_fetch_begin(h->comm, h->shard, job->mine, rows, n_rows, h->options->round_bytes);
    uint64_t first_row;
    job->first = locals;
    while (comm_fetch_next(fetch, &first_row, &job->theirs)) {
        uint64_t end = job->first, past = first_row + job->theirs->n;
        while (end < h->n && past > first_row && h->batch[end].first <= rows[past - 1])
            end++;
        job->rows = rows + first_row;
        pool_for(h->pool, end - job->first, 256, compare_some, job);
        job->first = end;
    }
    comm_fetch_end(fetch);
}

static void keep_decided(struct home *h) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < h->n; i++)
        if (h->value[i] >= 0) {
            h->batch[kept] = h->batch[i];
            h->value[kept++] = h->value[i];
        }
    h->n = kept;
}

static void keep_first_copies(struct home *h) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < h->n; i++)
        if (kept == 0 || h->batch[i].first != h->batch[kept - 1].first ||
            candidate_mine(h->batch[i]) != candidate_mine(h->batch[kept - 1]))
            h->batch[kept++] = h->batch[i];
    h->n = kept;
}

/* Home's view of pairs becomes the users'. */
static struct pair *make_pairs(const struct home *h) {
    struct pair *pairs = mem_alloc(h->n, sizeof *pairs);
    const struct shard *s = h->shard;
    for (uint64_t i = 0; i < h->n; i++) {
        uint64_t mine = s->start[s->rank] + candidate_mine(h->batch[i]);
        uint64_t other = shard_absolute(s, s->rank, h->batch[i].first);
        uint64_t right = max_u64(mine, other);
        pairs[i] = (struct pair){min_u64(mine, other), shard_is_self_join(s) ? right : right - s->split,
                                 h->value[i]};
    }
    return pairs;
}

int home_flush(struct home *h, bool last, struct error *e) {
    bool whole = last && !h->flushed, verify = h->options->threshold_text != NULL;
    metrics_stage(h->metrics, STAGE_CANDIDATES);
    sort_pairs(h->pool, h->batch, h->scratch, h->n);
    h->flushed = true;
    h->metrics->batches++;

    metrics_stage(h->metrics, STAGE_VERIFY);
    if (verify && whole) { /* all copies are here: no need to look at bands */
        keep_first_copies(h);
    } else {
        struct comparison bands = {.home = h, .mine = &h->signatures->digest, .decide = decide_bands};
        compare_all(h, &bands);
        keep_decided(h);
    }
    h->metrics->count[COUNT_CANDIDATES] += h->n;
    if (verify) {
        struct comparison sets = {.home = h, .mine = h->records, .decide = decide_similarity};
        compare_all(h, &sets);
        keep_decided(h);
    }
    h->metrics->count[COUNT_PAIRS] += h->n;

    metrics_stage(h->metrics, STAGE_WRITE);
    struct pair *pairs = make_pairs(h);
    output_write(h->output, pairs, h->n, e);
    free(pairs);
    h->n = 0;
    return e->status;
}
