#include "home.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "lshjoin/candidate.h"
#include "lshjoin/delta.h"
#include "verbose.h"

enum {
    CHUNK = 256,  /* candidates that a thread takes at a time */
    WIDE = 256,   /* bytes of vectors that are looked at in byte images first, */
    OFTEN = 12,   /* if there are so many candidates a row, which cost as much as an image */
    IMAGE_RUN = 8 /* candidates of a fetched row that pay for making its image */
};

static uint64_t most_at_once(const struct home *h) {
    return (uint64_t)comm_size(h->comm) * h->slot_size;
}

void home_open(struct home *h, uint64_t bytes) {
    uint64_t ranks = (uint64_t)comm_size(h->comm);
    h->slot_size = max_u64(1, bytes / sizeof *h->slots / ranks);
    h->slots = mem_alloc(most_at_once(h), sizeof *h->slots);
    h->in_slot = mem_zero(ranks, sizeof *h->in_slot);
    h->flushed = sink_first_step(h->sink) > 0;
    if (h->old)
        h->old_rows = index_rows_create(h->old, h->records, h->pool);
    h->batch = mem_alloc(HOME_BATCH * most_at_once(h), sizeof *h->batch);
    h->scratch = mem_alloc(HOME_BATCH * most_at_once(h), sizeof *h->scratch);
    h->value = mem_alloc(HOME_BATCH * most_at_once(h), sizeof *h->value);
    h->deltas = mem_zero((uint64_t)pool_threads(h->pool), sizeof *h->deltas);
    for (int t = 0; t < pool_threads(h->pool) && h->family->verify_run; t++)
        h->deltas[t] = deltas_create(h->records->item, cpu_simd());
}

void home_close(struct home *h) {
    free(h->slots);
    free(h->in_slot);
    free(h->batch);
    free(h->scratch);
    free(h->value);
    for (int t = 0; t < pool_threads(h->pool); t++)
        deltas_free(h->deltas[t]);
    free(h->deltas);
    preview_free(&h->preview);
    sieves_free(&h->sieves);
    index_rows_free(h->old_rows);
}

int home_send(struct home *h, struct error *e) {
    h->n +=
        comm_exchange_slots(h->comm, sizeof *h->slots, h->slots, h->slot_size, h->in_slot, h->batch + h->n);
    uint64_t is_full = h->n > (HOME_BATCH - 1) * most_at_once(h); /* no room for as many once more */
    comm_max(h->comm, &is_full, 1);
    if (!comm_failed(h->comm, e) && is_full) {
        verbose(h->options, h->comm, "batch %" PRIu64 ": comparing %" PRIu64 " candidates here",
                h->metrics->batches + 1, h->n);
        home_flush(h, false, e);
    }
    return e->status;
}

/* What decides on a run of n <= CHUNK candidates that share the row of `theirs`: value[n], NaN for those that
 * are dropped. */
typedef void decide_fn(const struct home *h, const struct u64_pair *c, uint64_t n,
                       const struct records *theirs, uint64_t row, int thread, double *value);

/* Decide on candidates of one portion of rows: h->value[i]. */
struct comparison {
    struct home *home;
    const struct records *mine;   /* rows by local number */
    const struct records *theirs; /* rows by place in `rows`, or, where that is NULL, by local number too */
    const uint64_t *rows;         /* relative numbers, rising */
    uint64_t first;               /* candidate */
    decide_fn *decide;
};

/* The two digests of a candidate. */
static void digests_of(const struct home *h, struct u64_pair c, const struct records *theirs, uint64_t row,
                       const void **left, const void **right) {
    const void *mine = records_row(&h->signatures->digest, candidate_mine(c)),
               *other = records_row(theirs, row);
    *left = candidate_mine_is_left(c) ? mine : other;
    *right = candidate_mine_is_left(c) ? other : mine;
}

/* Of a pair's copies that of its lowest collision stands for it. */
static void decide_copies(const struct home *h, const struct u64_pair *c, uint64_t n,
                          const struct records *theirs, uint64_t row, int thread, double *value) {
    (void)thread;
    for (uint64_t i = 0; i < n; i++) {
        const void *left, *right;
        digests_of(h, c[i], theirs, row, &left, &right);
        value[i] = band_first_slot(h->signatures, left, right) == candidate_slot(c[i]) ? 1 : NAN;
    }
}

/* The number of bands in which a pair collides; none where only keys were equal, by chance. */
static void decide_bands(const struct home *h, const struct u64_pair *c, uint64_t n,
                         const struct records *theirs, uint64_t row, int thread, double *value) {
    (void)thread;
    for (uint64_t i = 0; i < n; i++) {
        const void *left, *right;
        digests_of(h, c[i], theirs, row, &left, &right);
        uint32_t bands = band_count(h->signatures, left, right);
        value[i] = bands ? bands : NAN;
    }
}

/* NaN for those of our rows whose byte images say that they miss the threshold. A fetched row has no image
 * yet. */
static void look_in_bytes(const struct home *h, const uint64_t *mine, uint64_t n,
                          const struct records *theirs, uint64_t row, double *value) {
    const struct preview *p = &h->preview;
    int8_t *room = theirs == h->records ? NULL : mem_alloc(p->bytes, sizeof *room);
    struct preview_image image = room ? preview_make(p, records_row(theirs, row), room) : preview_row(p, row);
    for (uint64_t i = 0; i < n; i++)
        if (!preview_reaches(p, mine[i], image))
            value[i] = NAN;
    free(room);
}

static void decide_similarity(const struct home *h, const struct u64_pair *c, uint64_t n,
                              const struct records *theirs, uint64_t row, int thread, double *value) {
    const void *a = records_row(theirs, row);
    uint64_t na = records_length(theirs, row);
    uint64_t mine[CHUNK];
    for (uint64_t i = 0; i < n; i++)
        mine[i] = candidate_mine(c[i]);
    if (h->family->verify_run && n >= FAMILY_RUN) {
        const struct family_run run = {.record = a,
                                       .items = na,
                                       .number = c->first,
                                       .records = h->records,
                                       .rows = mine,
                                       .n = n,
                                       .deltas = h->deltas[thread]};
        h->family->verify_run(&h->threshold, &run, value);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        value[i] = 0;
    if (h->preview.coarse && (theirs == h->records || n >= IMAGE_RUN))
        look_in_bytes(h, mine, n, theirs, row, value);
    for (uint64_t i = 0; i < n; i++) {
        const void *b = records_row(h->records, mine[i]);
        uint64_t nb = records_length(h->records, mine[i]);
        bool turned = candidate_mine_is_left(c[i]);
        if (!isnan(value[i]) && !h->family->verify(&h->threshold, turned ? b : a, turned ? nb : na,
                                                   turned ? a : b, turned ? na : nb, theirs->item, &value[i]))
            value[i] = NAN;
    }
}

/* A batch is sorted by the other row; our own rows come in any order, from memory: ask for them some steps
 * ahead. */
static void prefetch_mine(const struct home *h, const struct records *mine, const struct u64_pair *c,
                          uint64_t left) {
    enum { FAR = 16, NEAR = 8 };
    if (left > FAR && mine->offset)
        __builtin_prefetch(&mine->offset[candidate_mine(c[FAR])]);
    if (left > NEAR) {
        uint64_t row = candidate_mine(c[NEAR]);
        bool has_image = h->preview.coarse && mine == h->records;
        const char *first =
            has_image ? (const char *)h->preview.image + row * h->preview.bytes : records_row(mine, row);
        for (int line = 0; line < 4; line++)
            __builtin_prefetch(first + line * 64);
    }
}

static void compare_some(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct comparison *job = ctx;
    const struct u64_pair *c = job->home->batch + job->first;
    double *value = job->home->value + job->first;
    uint64_t place = job->rows ? sorted_place(job->rows, job->theirs->n, c[lo].first) : 0;
    for (uint64_t i = lo, end; i < hi; i = end) {
        for (end = i; end < hi && c[end].first == c[i].first; end++)
            prefetch_mine(job->home, job->mine, c + end, hi - end);
        while (job->rows && job->rows[place] < c[i].first)
            place++;
        job->decide(job->home, c + i, end - i, job->theirs, job->rows ? place : c[i].first, thread,
                    value + i);
    }
}

/* The place in the sorted batch of the first candidate whose other row is not below `row` (relative). */
static uint64_t batch_place(const struct home *h, uint64_t row) {
    uint64_t lo = 0, hi = h->n;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (h->batch[mid].first < row)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The other rows of the candidates from place `from` up to `to`, each once. *n of them. */
static uint64_t *list_rows(struct home *h, uint64_t from, uint64_t to, uint64_t *n) {
    uint64_t *rows = (uint64_t *)h->scratch; /* not in use between sorts, and large enough */
    *n = 0;
    for (uint64_t i = from; i < to; i++)
        if (i == from || h->batch[i].first != h->batch[i - 1].first)
            rows[(*n)++] = h->batch[i].first;
    return rows;
}

/* Decide the candidates of a portion of rows. */
static void compare_portion(struct comparison *job, const uint64_t *rows, const struct records *portion) {
    uint64_t end = portion->n ? batch_place(job->home, rows[portion->n - 1] + 1) : job->first;
    job->rows = rows;
    job->theirs = portion;
    pool_for(job->home->pool, end - job->first, CHUNK, compare_some, job);
    job->first = end;
}

/* Collective. Rows that other ranks hold, portion by portion: candidates up to place `to`. */
static void compare_fetched(struct comparison *job, uint64_t to) {
    struct home *h = job->home;
    uint64_t n, first;
    uint64_t *rows = list_rows(h, job->first, to, &n);
    struct fetch *fetch = comm_fetch_begin(h->comm, h->shard, job->mine, rows, n, h->options->round_bytes);
    for (const struct records *portion; comm_fetch_next(fetch, &first, &portion);)
        compare_portion(job, rows + first, portion);
    comm_fetch_end(fetch);
}

/* Rows that no rank holds, read from the files that indexes tell of: the rest of the candidates. */
static void compare_old(struct comparison *job, struct error *e) {
    struct home *h = job->home;
    uint64_t n, *rows = list_rows(h, job->first, h->n, &n), *old = mem_alloc(n, sizeof *old), at = 0;
    const struct records *portion;
    for (uint64_t k = 0; k < n; k++)
        old[k] = rows[k] - shard_held(h->shard); /* as indexes number them */
    while (at < n &&
           (portion = index_rows_read(h->old_rows, old + at, n - at, h->options->round_bytes, e)) != NULL) {
        compare_portion(job, rows + at, portion);
        at += portion->n;
    }
    free(old);
}

/* Collective. Decide all n candidates of the sorted batch: those between our own rows first, then those with
 * rows of other ranks, then those with rows of none. */
static void compare_all(struct home *h, struct comparison *job, struct error *e) {
    uint64_t locals = batch_place(h, shard_local_rows(h->shard));
    job->theirs = job->mine;
    pool_for(h->pool, locals, CHUNK, compare_some, job);
    job->first = locals;
    if (comm_size(h->comm) > 1)
        compare_fetched(job, batch_place(h, shard_held(h->shard)));
    if (h->old)
        compare_old(job, e);
}

/* Collective. Keep those that `decide` keeps. What goes wrong with old records is not agreed. */
static void keep_decided(struct home *h, const struct records *mine, decide_fn *decide, struct error *e) {
    struct comparison job = {.home = h, .mine = mine, .decide = decide};
    compare_all(h, &job, e);
    if (e->status)
        h->n = 0; /* values of some are not known */
    uint64_t kept = 0;
    for (uint64_t i = 0; i < h->n; i++)
        if (!isnan(h->value[i])) {
            h->batch[kept] = h->batch[i];
            h->value[kept++] = h->value[i];
        }
    h->n = kept;
}

static void keep_first_copies(struct home *h) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < h->n; i++)
        if (kept == 0 || !candidate_same(h->batch[i], h->batch[kept - 1]))
            h->batch[kept++] = h->batch[i];
    h->n = kept;
}

/* Home's view of pair number i becomes the users'. */
static struct pair make_pair(const struct home *h, uint64_t i) {
    const struct shard *s = h->shard;
    uint64_t mine = s->start[s->rank] + candidate_mine(h->batch[i]);
    uint64_t other = shard_absolute(s, s->rank, h->batch[i].first);
    bool mine_is_left = candidate_mine_is_left(h->batch[i]);
    uint64_t left = mine_is_left ? mine : other, right = mine_is_left ? other : mine;
    return (struct pair){left, s->self_join ? right : right - s->split, h->value[i], 0};
}

/* Collective. The pairs of the batch go on, some at a time: they need less memory than all. */
static void hand_on(struct home *h, struct error *e) {
    uint64_t left = (h->n + HOME_TOGETHER - 1) / HOME_TOGETHER, done = 0;
    struct pair *pairs = mem_alloc(min_u64(h->n, HOME_TOGETHER), sizeof *pairs);
    comm_max(h->comm, &left, 1);
    for (; left > 0 && !e->status; left--) {
        uint64_t n = min_u64(HOME_TOGETHER, h->n - done);
        for (uint64_t i = 0; i < n; i++)
            pairs[i] = make_pair(h, done + i);
        sink_take(h->sink, pairs, n, e);
        done += n;
    }
    free(pairs);
}

bool home_wants_images(const struct family *family, double row_bytes, double candidates, double rows) {
    return family->is_of_vectors && row_bytes >= WIDE && candidates >= OFTEN * rows;
}

/* Collective. Make byte images as soon as as much has been compared as they cost. */
static void open_preview(struct home *h) {
    const struct records *r = h->records;
    uint64_t n[] = {h->compared += h->n, r->n};
    if (h->preview.coarse || !isfinite(h->threshold.value) || h->old) /* whose scale is not known */
        return;
    comm_sum(h->comm, n, 2);
    if (!home_wants_images(h->family, (double)(r->width * r->item), (double)n[0], (double)n[1]))
        return;
    h->sieves = sieves_create(h->comm, h->family, r, h->largest_norm);
    h->preview = preview_create(h->pool, &h->sieves.coarse, h->threshold.value, r);
}

int home_end_step(struct home *h, uint64_t next, struct error *e) {
    if (sink_step_is_due(h->sink, e) && !home_flush(h, false, e))
        sink_end_step(h->sink, next, e);
    return e->status;
}

/* Collective. Compare the pairs of the batch, each of which comes once, write them, forget them. */
static void finish(struct home *h, struct error *e) {
    h->metrics->count[COUNT_CANDIDATES] += h->n;
    metrics_stage(h->metrics, STAGE_VERIFY);
    if (h->options->verify) {
        open_preview(h);
        keep_decided(h, h->records, decide_similarity, e);
    }
    h->metrics->batches++;
    metrics_stage(h->metrics, STAGE_WRITE);
    if (!h->old || !comm_failed(h->comm, e)) /* old records may not be there */
        hand_on(h, e);
    h->n = 0;
}

/* Collective. Let the pairs of the batch wait; of each is kept, for its band, in how many it collides. */
static void put_aside(struct home *h, struct error *e) {
    for (uint64_t i = 0; i < h->n; i++) {
        h->batch[i].second &= ~(uint64_t)CANDIDATE_SLOT;
        h->batch[i].second |= h->options->verify ? 0 : (uint64_t)h->value[i];
    }
    h->metrics->batches++;
    runs_add(h->runs, h->batch, h->n, e);
    h->n = 0;
    comm_failed(h->comm, e);
}

int home_flush(struct home *h, bool last, struct error *e) {
    bool verify = h->options->verify, once = !h->signatures, whole = once || (last && !h->flushed);
    metrics_stage(h->metrics, STAGE_CANDIDATES);
    sort_pairs(h->pool, h->batch, h->scratch, h->n);
    if (!once && (verify || whole))
        keep_first_copies(h);
    if (!whole && !h->copies_wait)
        keep_decided(h, signatures_digest(h->signatures, h->pool), decide_copies, e);
    if (!verify)
        keep_decided(h, signatures_digest(h->signatures, h->pool), decide_bands, e);
    h->flushed = !last;
    if (h->runs && !(whole && h->one_group))
        put_aside(h, e);
    else
        finish(h, e);
    return e->status;
}

int home_merge(struct home *h, struct error *e) {
    const uint64_t most = HOME_BATCH * most_at_once(h);
    metrics_stage(h->metrics, STAGE_CANDIDATES);
    runs_begin(h->runs, most_at_once(h) * sizeof *h->slots, e);
    for (uint64_t more = true; more && !comm_failed(h->comm, e);) {
        metrics_stage(h->metrics, STAGE_CANDIDATES);
        runs_next(h->runs, h->batch, most, &h->n, e);
        for (uint64_t i = 0; i < h->n; i++)
            h->value[i] = (double)candidate_slot(h->batch[i]);
        more = h->n > 0;
        comm_max(h->comm, &more, 1);
        if (!comm_failed(h->comm, e) && more)
            finish(h, e);
    }
    return e->status;
}
