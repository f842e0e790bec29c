#include "hash_join.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sysexits.h>

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
    uint32_t bands; /* that are worked on together */
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

static void sign(struct hash_join *j, uint32_t band, uint32_t band_end) {
    const struct drawing part = drawing_part(&j->plan->drawing, band, band_end);
    metrics_stage(j->metrics, STAGE_SIGN);
    metrics_phase(j->metrics, "sign", "records");
    j->signatures = signatures_create(j->pool, j->in->family, &j->in->records, &part,
                                      own_split(&j->in->shard), !j->o->verify, tell_signed, j);
    j->metrics->count[COUNT_HASHES] += inputs_hashed(j->in) * drawing_values(&part);
}

/* Pairs of the round's buckets, `pairs` at most, to their homes, as many at a time as there is room for.
 * `done`: share of the rounds behind us; `share`: what this one is of all. */
static int send_candidates(struct hash_join *j, uint64_t pairs, double done, double share, struct error *e) {
    struct pair_cursor cursor = {.shard = &j->in->shard,
                                 .exclusive = inputs_exclude(j->in, j->o),
                                 .ordered = j->in->family->is_directed,
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

bool hash_join_copies_wait(const struct options *o, const struct family *family, const struct drawing *d) {
    bool wide = (uint64_t)d->bands * family_variants(family, d) >= BAND_WIDE_DIGEST;
    return o->max_bucket || (wide && o->verify && !o->checkpoint);
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
                            .old = j->in->old,
                            .copies_wait =
                                j->in->old || hash_join_copies_wait(j->o, j->in->family, &j->plan->drawing),
                            .sink = sink,
                            .metrics = j->metrics};
    home_open(&j->home, j->o->round_bytes / HASH_JOIN_SHARE);
    j->home.one_group = j->bands >= j->plan->drawing.bands;
    if (!j->home.one_group || j->home.copies_wait)
        j->home.runs = runs_create(j->o->scratch, CANDIDATE_SLOT_BITS);
}

/* Bands [band, band_end) from keys to candidates at home. */
static void join_bands(struct hash_join *j, uint32_t band, uint32_t band_end, struct error *e) {
    sign(j, band, band_end);
    j->owner = (struct owner){.comm = j->c,
                              .pool = j->pool,
                              .shard = &j->in->shard,
                              .keys = &j->signatures.keys,
                              .metrics = j->metrics,
                              .is_asymmetric = j->in->family->is_asymmetric,
                              .max_bucket = j->o->max_bucket,
                              .old = j->in->old,
                              .keys_first = band,
                              .first_band = (uint32_t)sink_first_step(j->home.sink)};
    owner_open(&j->owner, j->o->round_bytes);
    verbose(j->o, j->c, "bands %u to %u of %u: %" PRIu64 " round%s of exchange", band + 1, band_end,
            j->plan->drawing.bands, j->owner.n_rounds, plural(j->owner.n_rounds));
    metrics_phase(j->metrics, "join", "candidates");
    double all = j->plan->drawing.bands, share = (band_end - band) / all / (double)j->owner.n_rounds;
    for (uint64_t r = 0; r < j->owner.n_rounds && !e->status; r++) {
        uint64_t pairs = owner_round(&j->owner, r, e);
        if (!comm_failed(j->c, e))
            send_candidates(j, pairs, band / all + (double)r * share, share, e);
        const struct round *round = &j->owner.rounds[r];
        if (!e->status && round->bin_end == j->owner.bins.per_owner)
            home_end_step(&j->home, round->band_end, e);
    }
    if (!e->status)
        home_flush(&j->home, true, e);
    owner_close(&j->owner);
    signatures_free(&j->signatures);
}

int hash_join_admit(const struct options *o, const struct inputs *in, const struct plan *plan,
                    struct error *e) {
    if ((o->max_bucket || in->old) && o->checkpoint && !o->exact && !plan->drawing.symbol_bits)
        error_set(
            e, EX_USAGE,
            "%s: with --checkpoint only for bands that read sketches, as planned ones of jaccard, cosine and "
            "l2 do",
            o->max_bucket ? "--max-bucket" : "--index");
    return e->status;
}

int hash_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
              const struct plan *plan, uint32_t bands, const struct threshold *threshold, struct sink *sink,
              struct metrics *m, struct error *e) {
    struct hash_join join = {c, pool, o, in, plan, bands, threshold, .metrics = m}, *j = &join;
    uint32_t all = plan->drawing.bands;
    open_home(j, sink);
    for (uint32_t band = 0; band < all && !e->status; band += bands)
        join_bands(j, band, (uint32_t)min_u64(all, (uint64_t)band + bands), e);
    if (j->home.runs && !e->status)
        home_merge(&j->home, e);
    if (j->home.runs)
        runs_free(j->home.runs);
    home_close(&j->home);
    return e->status;
}
