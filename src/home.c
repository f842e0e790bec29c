#include "home.h"

#include <math.h>
#include <stdlib.h>

#include "lshjoin/candidate.h"

enum { CHUNK = 256 }; /* candidates that a thread takes at a time */

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

/* Decide on candidates of one portion of rows: h->value[i]. */
struct comparison {
    struct home *home;
    const struct records *mine;   /* rows by local number */
    const struct records *theirs; /* rows by place in `rows`, or, where that is NULL, by local number too */
    const uint64_t *rows;         /* relative numbers, rising */
    uint64_t first;               /* candidate */
    double (*decide)(const struct home *h, struct u64_pair c, const struct records *theirs, uint64_t row);
    /* Or NULL: n candidates c[n] that share the other row. */
    void (*decide_run)(const struct home *h, const struct u64_pair *c, uint64_t n,
                       const struct records *theirs, uint64_t row, double *value);
};

/* The two digests of a candidate. */
static void digests_of(const struct home *h, struct u64_pair c, const struct records *theirs, uint64_t row,
                       const void **left, const void **right) {
    const void *mine = records_row(&h->signatures->digest, candidate_mine(c)),
               *other = records_row(theirs, row);
    bool mine_is_left = h->shard->start[h->shard->rank] + candidate_mine(c) <
                        shard_absolute(h->shard, h->shard->rank, c.first);
    *left = mine_is_left ? mine : other;
    *right = mine_is_left ? other : mine;
}

/* Of a pair's copies that of its lowest collision stands for it. */
static double decide_copy(const struct home *h, struct u64_pair c, const struct records *theirs,
                          uint64_t row) {
    const void *left, *right;
    digests_of(h, c, theirs, row, &left, &right);
    return band_first_slot(h->signatures, left, right) == candidate_slot(c) ? 1 : NAN;
}

/* The number of bands in which a pair collides; none where only keys were equal, by chance. */
static double decide_bands(const struct home *h, struct u64_pair c, const struct records *theirs,
                           uint64_t row) {
    const void *left, *right;
    digests_of(h, c, theirs, row, &left, &right);
    uint32_t bands = band_count(h->signatures, left, right);
    return bands ? bands : NAN;
}

static double decide_similarity(const struct home *h, struct u64_pair c, const struct records *theirs,
                                uint64_t row) {
    uint64_t mine = candidate_mine(c);
    double similarity;
    bool similar =
        h->family->verify(&h->threshold, records_row(h->records, mine), records_length(h->records, mine),
                          records_row(theirs, row), records_length(theirs, row), theirs->item, &similarity);
    return similar ? similarity : NAN;
}

static void decide_similarities(const struct home *h, const struct u64_pair *c, uint64_t n,
                                const struct records *theirs, uint64_t row, double *value) {
    uint64_t mine[CHUNK];
    for (uint64_t i = 0; i < n; i++)
        mine[i] = candidate_mine(c[i]);
    h->family->verify_run(&h->threshold, records_row(theirs, row), records_length(theirs, row), h->records,
                          mine, n, value);
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

/* A batch is sorted by the other row; our own rows come in any order, from memory: ask for them some steps
 * ahead. */
static void prefetch_mine(const struct records *mine, const struct u64_pair *c, uint64_t left) {
    enum { FAR = 16, NEAR = 8 };
    if (left > FAR && mine->offset)
        __builtin_prefetch(&mine->offset[candidate_mine(c[FAR])]);
    if (left > NEAR) {
        const char *row = records_row(mine, candidate_mine(c[NEAR]));
        for (int line = 0; line < 4; line++)
            __builtin_prefetch(row + line * 64);
    }
}

/* How many of n candidates share the first one's other row. */
static uint64_t run_length(const struct u64_pair *c, uint64_t n) {
    uint64_t run = 1;
    while (run < n && c[run].first == c[0].first)
        run++;
    return run;
}

static void compare_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct comparison *job = ctx;
    struct home *h = job->home;
    const struct u64_pair *c = h->batch + job->first;
    double *value = h->value + job->first;
    uint64_t place = job->rows ? lower_bound(job->rows, job->theirs->n, c[lo].first) : 0, run;
    for (uint64_t i = lo; i < hi; i += run) {
        while (job->rows && job->rows[place] < c[i].first)
            place++;
        uint64_t row = job->rows ? place : c[i].first;
        run = run_length(c + i, hi - i);
        if (job->decide_run && run >= FAMILY_RUN) {
            job->decide_run(h, c + i, run, job->theirs, row, value + i);
            continue;
        }
        for (uint64_t k = i; k < i + run; k++) {
            prefetch_mine(job->mine, c + k, hi - k);
            value[k] = job->decide(h, c[k], job->theirs, row);
        }
    }
}

/* Collective. Decide all n candidates of the sorted batch, those between our own rows first, then portion by
 * portion of the rows fetched from other ranks. */
static void compare_all(struct home *h, struct comparison *job) {
    uint64_t local_rows = shard_local_rows(h->shard), locals = 0, n_rows = 0;
    while (locals < h->n && h->batch[locals].first < local_rows)
        locals++;
    job->theirs = job->mine;
    pool_for(h->pool, locals, CHUNK, compare_some, job);
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
        pool_for(h->pool, end - job->first, CHUNK, compare_some, job);
        job->first = end;
    }
    comm_fetch_end(fetch);
}

/* Collective. Keep those that the job's `decide` keeps. */
static void keep_decided(struct home *h, struct comparison job) {
    job.home = h;
    compare_all(h, &job);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < h->n; i++)
        if (!isnan(h->value[i])) {
            h->batch[kept] = h->batch[i];
            h->value[kept++] = h->value[i];
        }
    h->n = kept;
}

/* Collective. Keep those whose digests say so. */
static void keep_by_digest(struct home *h, double (*decide)(const struct home *, struct u64_pair,
                                                            const struct records *, uint64_t)) {
    keep_decided(h, (struct comparison){.mine = signatures_digest(h->signatures, h->pool), .decide = decide});
}

/* Collective. Keep those whose records are as near as the threshold asks. */
static void keep_similar(struct home *h) {
    keep_decided(h, (struct comparison){.mine = h->records,
                                        .decide = decide_similarity,
                                        .decide_run = h->family->verify_run ? decide_similarities : NULL});
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
        pairs[i] =
            (struct pair){min_u64(mine, other), s->self_join ? right : right - s->split, h->value[i], 0};
    }
    return pairs;
}

int home_flush(struct home *h, bool last, struct error *e) {
    bool verify = h->options->verify, whole = last && !h->flushed;
    metrics_stage(h->metrics, STAGE_CANDIDATES);
    sort_pairs(h->pool, h->batch, h->scratch, h->n);
    if (verify || whole)
        keep_first_copies(h);
    if (!whole)
        keep_by_digest(h, decide_copy);
    if (!verify)
        keep_by_digest(h, decide_bands);
    h->metrics->count[COUNT_CANDIDATES] += h->n;

    metrics_stage(h->metrics, STAGE_VERIFY);
    if (verify)
        keep_similar(h);
    h->metrics->count[COUNT_PAIRS] += h->n;
    h->flushed = true;
    h->metrics->batches++;

    metrics_stage(h->metrics, STAGE_WRITE);
    struct pair *pairs = make_pairs(h);
    if (h->nearest)
        nearest_add(h->nearest, pairs, h->n);
    else
        output_write(h->output, pairs, h->n, e);
    free(pairs);
    h->n = 0;
    return e->status;
}
