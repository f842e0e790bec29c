#include "sketch_join.h"

#include <stdlib.h>

#include "home.h"
#include "index_match.h"
#include "lshjoin/candidate.h"
#include "lshjoin/screen.h"
#include "owner.h"
#include "visit.h"

enum { CACHED_ROWS = 1 << 12 }; /* whose sketches stay in a core's cache while they are screened */

struct sketch_join {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct inputs *in;
    const struct drawing *drawing;
    struct metrics *metrics;
    uint64_t room; /* sketch_join_room */
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

uint64_t sketch_join_room(const struct family *family, uint64_t ranks, uint64_t round_bytes) {
    return round_bytes / (ranks > 1 || family->is_of_vectors ? 64 : 256);
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
    j->metrics->count[COUNT_HASHES] = inputs_hashed(j->in) * j->drawing->pool;
}

/* Of n pairs from number `first` on those that there is room for, into the slots of their homes. Returns the
 * number of the first that there is none for. */
static uint64_t fill_slots(struct sketch_join *j, const struct u64_pair *pairs, uint64_t first, uint64_t n) {
    const struct shard *s = &j->in->shard;
    struct home *home = &j->home;
    for (int rank = 0; rank < s->ranks; rank++)
        home->in_slot[rank] = 0;
    for (; first < n; first++) {
        uint64_t left = pairs[first].first, right = pairs[first].second;
        bool at_left = candidate_is_at_left(s, left, right);
        int rank = shard_rank(s, at_left ? left : right);
        if (home->in_slot[rank] == home->slot_size)
            break;
        home->slots[(uint64_t)rank * home->slot_size + home->in_slot[rank]++] =
            candidate_at(s, rank, left, right, at_left, 0);
    }
    return first;
}

/* Candidates of the screen's portion to their homes. */
static void screen_portion_of(struct sketch_join *j, struct error *e) {
    const uint64_t most = max_u64(1, j->room / sizeof(struct u64_pair));
    const struct u64_pair *pairs = NULL;
    uint64_t n = 0, sent = 0;
    bool more = true;
    for (uint64_t left = true; left && !e->status;) {
        metrics_stage(j->metrics, STAGE_CANDIDATES);
        if (sent == n && more) {
            pairs = screen_next(j->screen, j->sketch, most, &n, &j->metrics->count[COUNT_COPIES], &more);
            sent = 0;
        }
        sent = fill_slots(j, pairs, sent, n);
        home_send(&j->home, e);
        left = more || sent < n;
        comm_max(j->c, &left, 1);
    }
}

/* How many rows' sketches to fetch at a time: as a round's bound has room for, or, where none travels, as
 * they stay in the cache. */
static uint64_t rows_at_once(const struct sketch_join *j, size_t bytes) {
    uint64_t bound = j->o->round_bytes / 16 / bytes;
    return comm_size(j->c) > 1 ? bound : min_u64(bound, CACHED_ROWS * (uint64_t)j->o->threads);
}

/* The round's buckets, some rows at a time. */
static void screen_round(struct sketch_join *j, const struct bucket_list *lists, uint32_t first_band,
                         struct error *e) {
    const struct records *words = &j->sketches.words;
    size_t bytes = words->width * words->item;
    screen_begin(j->screen, lists, j->o->threads, first_band);
    for (uint64_t left = true; left && !e->status;) {
        uint64_t n;
        metrics_stage(j->metrics, STAGE_CANDIDATES);
        const uint64_t *rows = screen_portion(j->screen, rows_at_once(j, bytes), &n);
        left = n > 0;
        comm_max(j->c, &left, 1);
        if (!left)
            break;
        if (n > j->sketch_capacity) {
            free(j->sketch);
            j->sketch_capacity = max_u64(n, 2 * j->sketch_capacity);
            j->sketch = mem_alloc(j->sketch_capacity, bytes);
        }
        visit_pick(j->c, &j->in->shard, words, rows, n, j->o->round_bytes, j->sketch);
        if (j->in->old)
            index_sketches(j->in->old, j->pool, &j->in->shard, rows, n, j->sketch, e);
        if (comm_failed(j->c, e))
            break;
        screen_portion_of(j, e);
    }
}

/* Bands [band, band_end) from keys to candidates. */
static int join_bands(struct sketch_join *j, uint32_t band, uint32_t band_end, struct error *e) {
    metrics_stage(j->metrics, STAGE_SIGN);
    struct band_keys keys = sketches_keys(&j->sketches, &j->sketching, j->pool, band, band_end);
    struct owner owner = {.comm = j->c,
                          .pool = j->pool,
                          .shard = &j->in->shard,
                          .keys = &keys,
                          .metrics = j->metrics,
                          .old = j->in->old,
                          .keys_first = band,
                          .max_bucket = j->o->max_bucket};
    owner_open(&owner, j->o->round_bytes);
    for (uint64_t r = 0; r < owner.n_rounds && !e->status; r++) {
        owner_round(&owner, r, e);
        if (!comm_failed(j->c, e))
            screen_round(j, owner.lists, band, e);
    }
    owner_close(&owner);
    free(keys.key);
    metrics_progress(j->metrics, (double)band_end / j->drawing->bands, j->metrics->count[COUNT_COPIES]);
    return e->status;
}

int sketch_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
                const struct plan *plan, const struct threshold *threshold, struct sink *sink,
                struct metrics *m, struct error *e) {
    struct sketch_join join = {c, pool, o, in, &plan->drawing, .metrics = m}, *j = &join;
    uint64_t most_rows = shard_local_rows(&in->shard);
    comm_max(c, &most_rows, 1);
    j->room = sketch_join_room(in->family, (uint64_t)comm_size(c), o->round_bytes);
    sketch(j);
    j->screen = screen_create(pool, &j->sketching, &in->shard, inputs_exclude(in, o));
    j->home = (struct home){.comm = c,
                            .pool = pool,
                            .shard = &in->shard,
                            .records = &in->records,
                            .family = in->family,
                            .options = o,
                            .threshold = *threshold,
                            .largest_norm = in->largest_norm,
                            .old = in->old,
                            .sink = sink,
                            .metrics = m};
    home_open(&j->home, j->room);
    metrics_phase(m, "join", "pairs");
    uint32_t bands = j->drawing->bands;
    uint32_t each = sketch_join_bands(most_rows, (uint64_t)comm_size(c), o->round_bytes, bands);
    for (uint64_t band = sink_first_step(sink), end; band < bands && !e->status; band = end) {
        end = min_u64(bands, band + each);
        if (!join_bands(j, (uint32_t)band, (uint32_t)end, e))
            home_end_step(&j->home, end, e);
    }
    if (!e->status)
        home_flush(&j->home, true, e);
    home_close(&j->home);
    free(j->sketch);
    screen_free(j->screen);
    sketching_free(&j->sketching);
    sketches_free(&j->sketches);
    return e->status;
}
