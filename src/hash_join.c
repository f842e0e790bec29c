#include "hash_join.h"

#include <inttypes.h>
#include <stdlib.h>

#include "home.h"
#include "lshjoin/band.h"
#include "lshjoin/candidate.h"
#include "owner.h"
#include "verbose.h"

struct hash_join {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct inputs *in;
    const struct plan *plan;
    const struct threshold *threshold;
    struct metrics *metrics;
    struct signatures signatures;
    struct home home;
    struct owner owner;
};

static void tell_signed(void *ctx, uint64_t rows) {
    struct hash_join *j = ctx;
    metrics_progress(j->metrics, (double)rows / (double)max_u64(1, j->in->records.n), rows);
}

/* How many of this rank's first rows are left ones; in a self-join there is no such border. */
static uint64_t own_split(const struct shard *s) {
    uint64_t first = s->start[s->rank];
    return s->self_join ? UINT64_MAX : max_u64(s->split, first) - first;
}

static void sign(struct hash_join *j) {
    const struct drawing *drawing = &j->plan->drawing;
    metrics_stage(j->metrics, STAGE_SIGN);
    metrics_phase(j->metrics, "sign", "records");
    j->signatures = signatures_create(j->pool, j->in->family, &j->in->records, drawing,
                                      own_split(&j->in->shard), !j->o->verify, tell_signed, j);
    uint64_t n = j->in->family->is_of_vectors ? j->in->records.n : records_items(&j->in->records);
    j->metrics->count[COUNT_HASHES] = n * drawing_values(drawing);
}

/* Pairs of the round's buckets, `pairs` at most, to their homes, as many at a time as there is room for.
 * `done`: share of the rounds behind us; `share`: what this one is of all. */
static int send_candidates(struct hash_join *j, uint64_t pairs, double done, double share, struct error *e) {
    struct pair_cursor cursor = {.shard = &j->in->shard,
                                 .exclusive = j->o->exclusive,
                                 .lists = j->owner.lists,
                                 .n_lists = j->o->threads};
    struct home *home = &j->home;
    uint64_t seen = 0, more = true;
    while (more && !e->status) {
        metrics_stage(j->metrics, STAGE_CANDIDATES);
        more = pair_cursor_next(&cursor, home->slots, home->slot_size, home->in_slot);
        for (int rank = 0; rank < comm_size(j->c); rank++)
            seen += home->in_slot[rank];
        home_send(home, e);
        comm_max(j->c, &more, 1);
        metrics_progress(j->metrics, done + share * (double)min_u64(seen, pairs) / (double)max_u64(1, pairs),
                         j->metrics->count[COUNT_COPIES] + seen);
    }
    j->metrics->count[COUNT_COPIES] += seen;
    pair_cursor_free(&cursor);
    return e->status;
}

static void open_home(struct hash_join *j, struct sink *sink) {
    j->home = (struct home){.comm = j->c,
                            .pool = j->pool,
                            .shard = &j->in->shard,
                            .records = &j->in->records,
                            .signatures = &j->signatures,
                            .family = j->in->family,
                            .options = j->o,
                            .threshold = *j->threshold,
                            .largest_norm = j->in->largest_norm,
                            .sink = sink,
                            .metrics = j->metrics};
    home_open(&j->home, j->o->round_bytes / HASH_JOIN_SHARE);
}

int hash_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
              const struct plan *plan, const struct threshold *threshold, struct sink *sink,
              struct metrics *m, struct error *e) {
    struct hash_join join = {c, pool, o, in, plan, threshold, .metrics = m}, *j = &join;
    sign(j);
    j->owner = (struct owner){.comm = j->c,
                              .pool = j->pool,
                              .shard = &j->in->shard,
                              .keys = &j->signatures.keys,
                              .metrics = j->metrics,
                              .is_asymmetric = j->in->family->is_asymmetric,
                              .max_bucket = o->max_bucket,
                              .first_band = (uint32_t)sink_first_step(sink)};
    owner_open(&j->owner, j->o->round_bytes);
    verbose(j->o, j->c, "%" PRIu64 " round%s of exchange", j->owner.n_rounds,
            j->owner.n_rounds > 1 ? "s" : "");
    open_home(j, sink);
    double share = 1 / (double)j->owner.n_rounds;
    metrics_phase(j->metrics, "join", "candidates");
    for (uint64_t r = 0; r < j->owner.n_rounds && !e->status; r++) {
        uint64_t pairs = owner_round(&j->owner, r);
        send_candidates(j, pairs, (double)r * share, share, e);
        const struct round *round = &j->owner.rounds[r];
        if (!e->status && round->bin_end == j->owner.bins.per_owner)
            home_end_step(&j->home, round->band_end, e);
    }
    if (!e->status)
        home_flush(&j->home, true, e);
    home_close(&j->home);
    owner_close(&j->owner);
    signatures_free(&j->signatures);
    return e->status;
}
