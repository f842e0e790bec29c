#include "sketch_join.h"

#include <inttypes.h>
#include <stdlib.h>

#include "home.h"
#include "lshjoin/candidate.h"
#include "lshjoin/screen.h"
#include "owner.h"
#include "verbose.h"

struct sketch_join {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct inputs *in;
    const struct drawing *drawing;
    struct metrics *metrics;
    struct sketching sketching;
    struct sketches sketches;
    struct screen *screen;
    struct home home;
    uint64_t *sketch, sketch_capacity; /* of a portion's rows */
};

uint32_t sketch_join_bands(uint64_t rows, uint64_t ranks, uint64_t round_bytes, uint32_t bands) {
    uint64_t bytes = round_bytes / (ranks > 1 ? 1 : 8) / (sizeof(struct tuple) + sizeof(uint64_t));
    return (uint32_t)max_u64(1, min_u64(bands, bytes / max_u64(1, rows)));
}

uint64_t sketch_join_candidates(uint64_t round_bytes) {
    return max_u64(1, round_bytes / 64 / sizeof(struct u64_pair));
}

static void tell_sketched(void *ctx, uint64_t rows) {
    struct sketch_join *j = ctx;
    metrics_progress(j->metrics, (double)rows / (double)max_u64(1, j->in->records.n), rows);
}

static void sketch(struct sketch_join *j) {
    metrics_stage(j->metrics, STAGE_SIGN);
    metrics_phase(j->metrics, "sign", "records");
    j->sketching = sketching_create(j->drawing, cpu_simd());
    j->sketches = sketches_create(j->pool, j->in->family, &j->in->records, j->drawing, tell_sketched, j);
    uint64_t n = j->in->family->is_of_vectors ? j->in->records.n : records_items(&j->in->records);
    j->metrics->count[COUNT_HASHES] = n * j->drawing->pool;
}

/* Pairs to the ranks that are their homes. */
static void send_home(struct sketch_join *j, const struct u64_pair *pairs, uint64_t n) {
    const struct shard *s = &j->in->shard;
    uint64_t ranks = (uint64_t)s->ranks, *n_sent = mem_zero(3 * ranks, sizeof *n_sent);
    uint64_t *n_received = n_sent + ranks, *next = n_received + ranks, sum = 0;
    struct u64_pair *sent = mem_alloc(n, sizeof *sent);
    int *home = mem_alloc(n, sizeof *home);
    for (uint64_t i = 0; i < n; i++) {
        bool at_left = candidate_is_at_left(s, pairs[i].first, pairs[i].second);
        home[i] = shard_rank(s, at_left ? pairs[i].first : pairs[i].second);
        n_sent[home[i]]++;
    }
    for (uint64_t r = 0; r < ranks; sum += n_sent[r++])
        next[r] = sum;
    for (uint64_t i = 0; i < n; i++)
        sent[next[home[i]]++] = candidate_at(s, home[i], pairs[i].first, pairs[i].second,
                                             candidate_is_at_left(s, pairs[i].first, pairs[i].second), 0);
    free(home);
    comm_counts(j->c, n_sent, n_received, 1);
    struct u64_pair *came = comm_exchange(j->c, sizeof *sent, sent, n_sent, n_received);
    uint64_t n_came = 0;
    for (uint64_t r = 0; r < ranks; r++)
        n_came += n_received[r];
    struct u64_pair *room = home_reserve(&j->home, n_came);
    for (uint64_t i = 0; i < n_came; i++)
        room[i] = came[i];
    j->home.n += n_came;
    free(came);
    free(n_sent);
}

/* Candidates of the screen's portion to their homes. */
static void screen_portion_of(struct sketch_join *j, struct error *e) {
    for (uint64_t left = true; left && !e->status;) {
        uint64_t n;
        bool more;
        metrics_stage(j->metrics, STAGE_CANDIDATES);
        const struct u64_pair *pairs =
            screen_next(j->screen, j->sketch, sketch_join_candidates(j->o->round_bytes), &n,
                        &j->metrics->count[COUNT_COPIES], &more);
        send_home(j, pairs, n);
        left = more;
        comm_max(j->c, &left, 1);
        if (home_is_full(&j->home)) {
            verbose(j->o, j->c, "batch %" PRIu64 ": comparing %" PRIu64 " candidates here",
                    j->metrics->batches + 1, j->home.n);
            home_flush(&j->home, false, e);
        }
    }
}

/* The round's buckets, as many rows at a time as a round's bound has room for sketches. */
static void screen_round(struct sketch_join *j, const struct bucket_list *lists, uint32_t first_band,
                         struct error *e) {
    const struct records *words = &j->sketches.words;
    size_t bytes = words->width * words->item;
    screen_begin(j->screen, lists, j->o->threads, first_band);
    for (uint64_t left = true; left && !e->status;) {
        uint64_t n;
        metrics_stage(j->metrics, STAGE_CANDIDATES);
        const uint64_t *rows = screen_portion(j->screen, j->o->round_bytes / 16 / bytes, &n);
        left = n > 0;
        comm_max(j->c, &left, 1);
        if (!left)
            break;
        if (n > j->sketch_capacity) {
            free(j->sketch);
            j->sketch_capacity = max_u64(n, 2 * j->sketch_capacity);
            j->sketch = mem_alloc(j->sketch_capacity, bytes);
        }
        comm_pick(j->c, &j->in->shard, words, rows, n, j->o->round_bytes, j->sketch);
        screen_portion_of(j, e);
    }
}

/* Bands [band, band_end) from keys to candidates. */
static void join_bands(struct sketch_join *j, uint32_t band, uint32_t band_end, struct error *e) {
    metrics_stage(j->metrics, STAGE_SIGN);
    struct band_keys keys = sketches_keys(&j->sketches, &j->sketching, j->pool, band, band_end);
    struct owner owner = {j->c, j->pool, &j->in->shard, &keys, j->metrics, .n_rounds = 0};
    owner_open(&owner, j->o->round_bytes);
    for (uint64_t r = 0; r < owner.n_rounds && !e->status; r++) {
        owner_round(&owner, r);
        screen_round(j, owner.lists, band, e);
    }
    owner_close(&owner);
    free(keys.key);
    metrics_progress(j->metrics, (double)band_end / j->drawing->bands, j->metrics->count[COUNT_COPIES]);
}

int sketch_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
                const struct plan *plan, const struct threshold *threshold, struct output *out,
                struct metrics *m, struct error *e) {
    struct sketch_join join = {c, pool, o, in, &plan->drawing, .metrics = m}, *j = &join;
    uint64_t most_rows = shard_local_rows(&in->shard);
    comm_max(c, &most_rows, 1);
    sketch(j);
    j->screen = screen_create(pool, &j->sketching, &in->shard, o->exclusive);
    j->home = (struct home){.comm = c,
                            .pool = pool,
                            .shard = &in->shard,
                            .records = &in->records,
                            .family = in->family,
                            .options = o,
                            .threshold = *threshold,
                            .output = out,
                            .metrics = m};
    home_open(&j->home, SKETCH_JOIN_BATCH * sketch_join_candidates(o->round_bytes));
    metrics_phase(m, "join", "pairs");
    uint32_t bands = j->drawing->bands;
    uint32_t each = sketch_join_bands(most_rows, (uint64_t)comm_size(c), o->round_bytes, bands);
    for (uint32_t band = 0; band < bands && !e->status; band += each)
        join_bands(j, band, (uint32_t)min_u64(bands, (uint64_t)band + each), e);
    if (!e->status)
        home_flush(&j->home, true, e);
    home_close(&j->home);
    free(j->sketch);
    screen_free(j->screen);
    sketching_free(&j->sketching);
    sketches_free(&j->sketches);
    return e->status;
}
