#include "lshjoin/bucket.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"

enum {
    BIN_TUPLES = 1024,   /* aimed at: what groups in the first-level cache */
    MOST_STREAMS = 1024, /* bins of all owners. A pass that scatters to more waits for memory at each tuple,
                            which costs more than it saves in grouping, even of bins of 100,000 tuples. */
    MOST_BINS = 1 << 16, /* beyond that only for a small bound of a round */
};

struct bins bins_choose(uint32_t owners, uint64_t rows, uint64_t most) {
    uint64_t for_cache = min_u64(rows / BIN_TUPLES / owners, MOST_STREAMS / owners);
    uint64_t for_bound = min_u64(8 * (rows / owners) / max_u64(most, 1), MOST_BINS / owners);
    return (struct bins){owners, (uint32_t)max_u64(1, max_u64(for_cache, for_bound))};
}

static inline uint64_t bin_of(uint64_t key, uint64_t bins) {
    return (uint64_t)(((unsigned __int128)key * bins) >> 64);
}

struct count_job {
    const struct band_keys *keys;
    uint64_t *counts;
    struct bins bins;
};

static void count_bands(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct count_job *job = ctx;
    uint64_t per_owner = job->bins.per_owner, bins = job->bins.owners * per_owner;
    uint64_t *of_bin = mem_alloc(bins, sizeof *of_bin);
    for (uint64_t band = lo; band < hi; band++) {
        for (uint64_t bin = 0; bin < bins; bin++)
            of_bin[bin] = 0;
        uint64_t n = band_keys_each(job->keys);
        const uint64_t *key = job->keys->key + band * n;
        for (uint64_t i = 0; i < n; i++)
            if (key[i] != BAND_NO_KEY)
                of_bin[bin_of(key[i], bins)]++;
        for (uint64_t bin = 0; bin < bins; bin++)
            job->counts[(bin / per_owner * job->keys->bands + band) * per_owner + bin % per_owner] =
                of_bin[bin];
    }
    free(of_bin);
}

void bucket_count(struct pool *pool, const struct band_keys *keys, struct bins bins, uint64_t *counts) {
    struct count_job job = {keys, counts, bins};
    pool_for(pool, keys->bands, 1, count_bands, &job);
}

struct round *bucket_rounds(const uint64_t *load, uint32_t bands, struct bins bins, uint64_t most,
                            uint64_t *n_rounds) {
    struct round *rounds = mem_alloc((uint64_t)bands * bins.per_owner, sizeof *rounds), *last = NULL;
    uint64_t n = 0, held = 0;
    for (uint32_t band = 0; band < bands; band++) {
        const uint64_t *of_bin = load + (uint64_t)band * bins.per_owner;
        uint64_t whole = 0;
        for (uint32_t bin = 0; bin < bins.per_owner; bin++)
            whole += of_bin[bin];
        if (last && round_is_whole(last, bins.per_owner) && held + whole <= most) {
            last->band_end++;
            held += whole;
            continue;
        }
        last = NULL; /* this band starts a round, and is cut where that is full */
        for (uint32_t bin = 0; bin < bins.per_owner; bin++) {
            if (!last || held + of_bin[bin] > most) {
                last = &rounds[n++];
                *last = (struct round){band, band + 1, bin, bin};
                held = 0;
            }
            held += of_bin[bin];
            last->bin_end = bin + 1;
        }
    }
    *n_rounds = n;
    return rounds;
}

/* Scattering a round: every band's keys in `pieces` stretches, each an item of work with its own place in
 * every bin. */
struct partition_job {
    const struct band_keys *keys;
    uint64_t pieces, bins;
    uint32_t per_owner;
    struct round round;
    const uint64_t *counts; /* [owners][bands][per_owner], which serve where a band is one piece */
    uint64_t *place;        /* [item][bins]: where the item's next tuple of a bin goes; before, its count */
    struct tuple *out;
};

/* Item number `item` of the round: its keys [*first, *end) and their band. */
static const uint64_t *item_keys(const struct partition_job *job, uint64_t item, uint64_t *first,
                                 uint64_t *end) {
    uint64_t piece = item % job->pieces, n = band_keys_each(job->keys),
             length = (n + job->pieces - 1) / job->pieces;
    *first = min_u64(n, piece * length);
    *end = min_u64(n, *first + length);
    return job->keys->key + (job->round.band + item / job->pieces) * n;
}

static void partition_count(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct partition_job *job = ctx;
    for (uint64_t item = lo; item < hi; item++) {
        uint64_t first, end, *count = job->place + item * job->bins;
        const uint64_t *key = item_keys(job, item, &first, &end);
        for (uint64_t i = first; i < end; i++)
            if (key[i] != BAND_NO_KEY)
                count[bin_of(key[i], job->bins)]++;
    }
}

static void partition_scatter(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct partition_job *job = ctx;
    bool all = round_is_whole(&job->round, job->per_owner);
    for (uint64_t item = lo; item < hi; item++) {
        uint64_t first, end, *place = job->place + item * job->bins;
        const uint64_t *key = item_keys(job, item, &first, &end);
        for (uint64_t i = first; i < end; i++) {
            if (key[i] == BAND_NO_KEY)
                continue;
            uint64_t bin = bin_of(key[i], job->bins), of_owner = bin % job->per_owner;
            if (all || (of_owner >= job->round.bin && of_owner < job->round.bin_end))
                job->out[place[bin]++] = (struct tuple){(uint32_t)(key[i] >> 32), (uint32_t)key[i],
                                                        (uint32_t)band_keys_row(job->keys, i)};
        }
    }
}

/* Counts become places: by owner, band, bin and piece. */
static void place_items(struct partition_job *job, uint32_t owners) {
    uint64_t sum = 0;
    for (uint64_t owner = 0; owner < owners; owner++)
        for (uint64_t band = 0; band < job->round.band_end - job->round.band; band++)
            for (uint64_t bin = job->round.bin; bin < job->round.bin_end; bin++)
                for (uint64_t piece = 0; piece < job->pieces; piece++) {
                    uint64_t *place =
                        job->place + (band * job->pieces + piece) * job->bins + owner * job->per_owner + bin;
                    uint64_t of_band = (owner * job->keys->bands + job->round.band + band) * job->per_owner;
                    uint64_t count = job->pieces > 1 ? *place : job->counts[of_band + bin];
                    *place = sum;
                    sum += count;
                }
}

void bucket_partition(struct pool *pool, const struct band_keys *keys, struct bins bins,
                      const uint64_t *counts, struct round round, struct tuple *out) {
    uint64_t bands = round.band_end - round.band, threads = (uint64_t)pool_threads(pool);
    struct partition_job job = {
        .keys = keys, .per_owner = bins.per_owner, .round = round, .counts = counts, .out = out};
    job.pieces = bands >= threads ? 1 : threads;
    job.bins = (uint64_t)bins.owners * bins.per_owner;
    job.place = mem_zero(bands * job.pieces * job.bins, sizeof *job.place);
    if (job.pieces > 1)
        pool_for(pool, bands * job.pieces, 1, partition_count, &job);
    place_items(&job, bins.owners);
    pool_for(pool, bands * job.pieces, 1, partition_scatter, &job);
    free(job.place);
}

double bucket_all(struct pool *pool, const struct band_keys *keys, struct sides sides,
                  struct bucket_list *lists) {
    struct bins bins = bins_choose(1, keys->n, UINT32_MAX);
    const struct round whole = {0, keys->bands, 0, bins.per_owner};
    const uint64_t start[] = {0};
    uint64_t *counts = mem_alloc(round_bins(&whole), sizeof *counts), sum = 0;
    bucket_count(pool, keys, bins, counts);
    for (uint64_t k = 0; k < round_bins(&whole); k++)
        sum += counts[k];
    struct tuple *tuples = mem_alloc(sum, sizeof *tuples);
    bucket_partition(pool, keys, bins, counts, whole, tuples);
    bucket_group(pool,
                 &(struct arrived){.tuples = tuples,
                                   .counts = counts,
                                   .start = start,
                                   .senders = 1,
                                   .bands = keys->bands,
                                   .bins = bins,
                                   .round = whole,
                                   .sides = sides},
                 lists);
    free(tuples);
    free(counts);
    double pairs = 0;
    for (int thread = 0; thread < pool_threads(pool); thread++)
        for (uint64_t b = 0; b < lists[thread].n; b++)
            pairs += (double)bucket_pairs(&lists[thread].bucket[b]);
    return pairs;
}
