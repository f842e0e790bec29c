#include "owner.h"

#include <stdlib.h>

#include "deal.h"
#include "index_match.h"
#include "lshjoin/share.h"

/* A round for each band: how many old records come to it nobody knows. */
static void part_bands(struct owner *o) {
    struct round *parts = mem_alloc((uint64_t)o->keys->bands * o->bins.per_owner, sizeof *parts);
    uint64_t n = 0;
    for (uint64_t r = 0; r < o->n_rounds; r++)
        for (uint32_t band = o->rounds[r].band; band < o->rounds[r].band_end; band++) {
            parts[n] = o->rounds[r];
            parts[n].band = band;
            parts[n++].band_end = band + 1;
        }
    free(o->rounds);
    o->rounds = parts;
    o->n_rounds = n;
}

void owner_open(struct owner *o, uint64_t most) {
    uint64_t ranks = (uint64_t)comm_size(o->comm), most_tuples = most / sizeof(struct tuple);
    uint32_t bands = o->keys->bands;
    o->most = most;
    o->bins = bins_choose((uint32_t)ranks, shard_held(o->shard) * o->keys->variants, most_tuples);
    uint64_t each = (uint64_t)bands * o->bins.per_owner;
    o->n_sent = mem_alloc(ranks * each, sizeof *o->n_sent);
    o->n_received = mem_alloc(ranks * each, sizeof *o->n_received);
    if (o->old)
        o->match = index_match_create(o->old, o->pool, o->shard, o->keys_first);
    metrics_stage(o->metrics, STAGE_EXCHANGE);
    bucket_count(o->pool, o->keys, o->bins, o->n_sent);
    comm_counts(o->comm, o->n_sent, o->n_received, each);

    uint64_t *load = mem_alloc(each, sizeof *load);
    uint64_t done = (uint64_t)o->first_band * o->bins.per_owner;
    for (uint64_t k = done; k < each; k++) {
        uint64_t sent = 0, received = 0;
        for (uint64_t rank = 0; rank < ranks; rank++) {
            sent += o->n_sent[rank * each + k];
            received += o->n_received[rank * each + k];
        }
        load[k] = max_u64(sent, received);
    }
    comm_max(o->comm, load + done, each - done);
    o->rounds = bucket_rounds(load + done, bands - o->first_band, o->bins, most_tuples, &o->n_rounds);
    if (o->old)
        part_bands(o);
    for (uint64_t r = 0; r < o->n_rounds; r++) {
        o->rounds[r].band += o->first_band;
        o->rounds[r].band_end += o->first_band;
    }
    free(load);
    o->metrics->rounds += o->n_rounds;
    o->lists = mem_zero((uint64_t)pool_threads(o->pool), sizeof *o->lists);
}

/* Of counts[ranks][bands][bins of an owner]: how many tuples of the round go to, or come from, each rank.
 * Returns the sum. */
static uint64_t count_round(const struct owner *o, const uint64_t *counts, struct round round,
                            uint64_t *of_rank) {
    uint64_t sum = 0;
    for (uint64_t rank = 0; rank < (uint64_t)comm_size(o->comm); rank++) {
        of_rank[rank] = 0;
        for (uint64_t band = round.band; band < round.band_end; band++)
            for (uint64_t bin = round.bin; bin < round.bin_end; bin++)
                of_rank[rank] += counts[(rank * o->keys->bands + band) * o->bins.per_owner + bin];
        sum += of_rank[rank];
    }
    return sum;
}

/* Bucket statistics of the round. Returns how many pairs it has at most. */
static uint64_t count_buckets(struct owner *o) {
    uint64_t pairs = 0;
    for (int t = 0; t < pool_threads(o->pool); t++)
        for (uint64_t b = 0; b < o->lists[t].n; b++) {
            const struct bucket *bucket = &o->lists[t].bucket[b];
            uint64_t size = bucket->size;
            o->metrics->buckets[63 - __builtin_clzll(size)]++;
            o->metrics->largest_bucket = max_u64(o->metrics->largest_bucket, size);
            pairs += bucket_pairs(bucket);
        }
    return pairs;
}

/* Returns how many pairs are skipped. */
static uint64_t skip_buckets(struct owner *o) {
    struct bucket_list skipped = share_take(o->lists, pool_threads(o->pool), o->max_bucket, UINT64_MAX);
    uint64_t pairs = 0;
    for (uint64_t k = 0; k < skipped.n; k++)
        pairs += bucket_pairs(&skipped.bucket[k]);
    o->metrics->count[COUNT_SKIPPED_BUCKETS] += skipped.n;
    o->metrics->count[COUNT_SKIPPED_PAIRS] += pairs;
    bucket_list_free(&skipped);
    return pairs;
}

struct tuple *owner_exchange(struct owner *o, uint64_t r, uint64_t *n_tuples) {
    struct round round = o->rounds[r];
    uint64_t ranks = (uint64_t)comm_size(o->comm), *n = mem_alloc(2 * ranks, sizeof *n);
    metrics_stage(o->metrics, STAGE_EXCHANGE);
    struct tuple *tuples = mem_alloc(count_round(o, o->n_sent, round, n), sizeof *tuples);
    *n_tuples = count_round(o, o->n_received, round, n + ranks);
    o->metrics->count[COUNT_TUPLES] += *n_tuples;
    bucket_partition(o->pool, o->keys, o->bins, o->n_sent, round, tuples);
    tuples = comm_exchange(o->comm, sizeof *tuples, tuples, n, n + ranks);
    free(n);
    return tuples;
}

uint64_t owner_round(struct owner *o, uint64_t r, struct error *e) {
    struct round round = o->rounds[r];
    uint64_t n;
    struct tuple *tuples = owner_exchange(o, r, &n);
    metrics_stage(o->metrics, STAGE_GROUP);
    bucket_group(o->pool,
                 &(struct arrived){.tuples = tuples,
                                   .counts = o->n_received,
                                   .start = o->shard->start,
                                   .senders = (uint32_t)comm_size(o->comm),
                                   .bands = o->keys->bands,
                                   .bins = o->bins,
                                   .round = round,
                                   .sides = sides_of(o->shard, o->is_asymmetric),
                                   .lookup = o->match ? index_match_lookup(o->match) : NULL},
                 o->lists);
    if (o->match)
        index_match_check(o->match, e);
    if (o->match && round.bin_end == o->bins.per_owner)
        index_match_leave(o->match, round.band);
    free(tuples);
    uint64_t pairs = count_buckets(o);
    if (o->max_bucket)
        pairs -= skip_buckets(o);
    metrics_stage(o->metrics, STAGE_EXCHANGE);
    return o->keeps_giants ? pairs : deal_buckets(o->comm, o->lists, pool_threads(o->pool), pairs, o->most);
}

void owner_close(struct owner *o) {
    for (int t = 0; t < pool_threads(o->pool); t++)
        bucket_list_free(&o->lists[t]);
    free(o->lists);
    free(o->rounds);
    free(o->n_sent);
    free(o->n_received);
    index_match_free(o->match);
}
