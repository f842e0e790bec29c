#include "lshjoin/bucket.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"

enum {
    BIN_TUPLES = 1024,   /* aimed at: what groups in the first-level cache */
    MOST_STREAMS = 4096, /* bins of all owners: what one pass can scatter to */
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
    uint64_t *place; /* [item][bins]: a count first, then where the item's next tuple of a bin goes */
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
                    uint64_t count = *place;
                    *place = sum;
                    sum += count;
                }
}

void bucket_partition(struct pool *pool, const struct band_keys *keys, struct bins bins, struct round round,
                      struct tuple *out) {
    uint64_t bands = round.band_end - round.band, threads = (uint64_t)pool_threads(pool);
    struct partition_job job = {.keys = keys, .per_owner = bins.per_owner, .round = round, .out = out};
    job.pieces = bands >= threads ? 1 : threads;
    job.bins = (uint64_t)bins.owners * bins.per_owner;
    job.place = mem_zero(bands * job.pieces * job.bins, sizeof *job.place);
    pool_for(pool, bands * job.pieces, 1, partition_count, &job);
    place_items(&job, bins.owners);
    pool_for(pool, bands * job.pieces, 1, partition_scatter, &job);
    free(job.place);
}

/* Grouping: the tuples of one bin come from every sender; they are gathered, and a small hash table finds
 * equal keys. */
struct group_job {
    const struct tuple *tuples;
    const uint64_t *start;
    struct bins bins;
    struct round round;
    uint64_t *segment; /* [owners][round_bins + 1] where each sender's tuples of each bin begin */
    struct bucket_list *lists;
    struct group_scratch *scratch; /* [threads] */
};

#define NO_GROUP UINT32_MAX

struct group_scratch {
    uint64_t capacity; /* tuples, a power of two */
    uint64_t *key, *row;
    uint32_t *group; /* of each tuple, or NO_GROUP */
    uint64_t *group_key;
    uint32_t *size, *stored; /* of each group */
    uint32_t *table;         /* [2 * capacity] group + 1 or 0 */
};

static void scratch_reserve(struct group_scratch *s, uint64_t n) {
    if (n <= s->capacity)
        return;
    if (n >= UINT32_MAX)
        die(EX_SOFTWARE,
            "%llu keys came to one bin of one rank: more than 2^32 records are alike, or too many for the "
            "ranks",
            (unsigned long long)n);
    uint64_t c = 64;
    while (c < n)
        c *= 2;
    s->key = mem_grow(s->key, c, sizeof *s->key);
    s->row = mem_grow(s->row, c, sizeof *s->row);
    s->group_key = mem_grow(s->group_key, c, sizeof *s->group_key);
    s->group = mem_grow(s->group, c, sizeof *s->group);
    s->size = mem_grow(s->size, c, sizeof *s->size);
    s->stored = mem_grow(s->stored, c, sizeof *s->stored);
    s->table = mem_grow(s->table, 2 * c, sizeof *s->table);
    s->capacity = c;
}

static void scratch_free(struct group_scratch *s) {
    free(s->key);
    free(s->row);
    free(s->group_key);
    free(s->group);
    free(s->size);
    free(s->stored);
    free(s->table);
}

/* Bring bin number `item` of the round together: those that store in front, by sender, so rows rise, and
 * those that ask behind. Returns how many; *stored of them store. */
static uint64_t gather(const struct group_job *job, uint64_t item, struct group_scratch *s,
                       uint64_t *stored) {
    uint64_t stride = round_bins(&job->round) + 1, n = 0;
    for (uint32_t from = 0; from < job->bins.owners; from++)
        n += job->segment[from * stride + item + 1] - job->segment[from * stride + item];
    scratch_reserve(s, n);
    uint64_t front = 0, back = n;
    for (uint32_t from = 0; from < job->bins.owners; from++)
        for (uint64_t i = job->segment[from * stride + item]; i < job->segment[from * stride + item + 1];
             i++) {
            uint64_t key = (uint64_t)job->tuples[i].key_high << 32 | job->tuples[i].key_low;
            uint64_t place = key & BAND_ASKS ? --back : front++;
            s->key[place] = key & ~BAND_ASKS;
            s->row[place] = (job->start[from] + job->tuples[i].row) << 1 | (key & BAND_ASKS);
        }
    *stored = front;
    return n;
}

/* The table's slot of a key: where it is, or a free one. Low bits are hashed: the high ones are alike in a
 * bin. */
static uint64_t find_slot(const struct group_scratch *s, uint64_t slots, uint64_t key) {
    uint64_t slot = key >> 1 & (slots - 1);
    while (s->table[slot] && s->group_key[s->table[slot] - 1] != key)
        slot = (slot + 1) & (slots - 1);
    return slot;
}

/* Number the different keys that are stored in order of appearance, and find those that are asked for among
 * them; fills group, size and stored. Returns how many. */
static uint32_t number_keys(struct group_scratch *s, uint64_t stored, uint64_t n) {
    uint64_t slots = 64;
    while (slots < 2 * stored)
        slots *= 2;
    memset(s->table, 0, slots * sizeof *s->table);
    uint32_t groups = 0;
    for (uint64_t i = 0; i < stored; i++) {
        uint64_t slot = find_slot(s, slots, s->key[i]);
        if (!s->table[slot]) {
            s->group_key[groups] = s->key[i];
            s->size[groups] = 0;
            s->table[slot] = ++groups;
        }
        s->group[i] = s->table[slot] - 1;
        s->size[s->group[i]]++;
    }
    memcpy(s->stored, s->size, groups * sizeof *s->stored);
    for (uint64_t i = stored; i < n; i++) {
        s->group[i] = s->table[find_slot(s, slots, s->key[i])] - 1; /* NO_GROUP where it is not stored */
        if (s->group[i] != NO_GROUP)
            s->size[s->group[i]]++;
    }
    return groups;
}

static void list_reserve(struct bucket_list *l, uint64_t buckets, uint64_t rows) {
    if (l->n + buckets > l->capacity) {
        l->capacity = 2 * (l->n + buckets);
        l->bucket = mem_grow(l->bucket, l->capacity, sizeof *l->bucket);
    }
    if (l->n_rows + rows > l->row_capacity) {
        l->row_capacity = 2 * (l->n_rows + rows);
        l->row = mem_grow(l->row, l->row_capacity, sizeof *l->row);
    }
}

/* Append the groups of two and more to the list. group_key is done with and now says where a group's next row
 * goes. */
static void list_append(struct bucket_list *l, struct group_scratch *s, uint64_t n, uint32_t groups,
                        uint32_t band) {
    list_reserve(l, groups, n);
    for (uint32_t g = 0; g < groups; g++) {
        s->group_key[g] = l->n_rows;
        if (s->size[g] < 2)
            continue;
        l->bucket[l->n++] = (struct bucket){l->n_rows, s->size[g], s->stored[g], band};
        l->n_rows += s->size[g];
    }
    for (uint64_t i = 0; i < n; i++)
        if (s->group[i] != NO_GROUP && s->size[s->group[i]] >= 2)
            l->row[s->group_key[s->group[i]]++] = s->row[i];
}

static void group_bins(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct group_job *job = ctx;
    struct group_scratch *s = &job->scratch[thread];
    for (uint64_t item = lo; item < hi; item++) {
        uint64_t stored, n = gather(job, item, s, &stored);
        if (n < 2 || stored == 0)
            continue;
        uint32_t groups = number_keys(s, stored, n);
        uint32_t band = job->round.band + (uint32_t)(item / (job->round.bin_end - job->round.bin));
        if (groups < n)
            list_append(&job->lists[thread], s, n, groups, band);
    }
}

void bucket_group(struct pool *pool, const struct tuple *tuples, const uint64_t *counts, uint32_t bands,
                  struct bins bins, const uint64_t *start, struct round round, struct bucket_list *lists) {
    uint64_t items = round_bins(&round), threads = (uint64_t)pool_threads(pool), sum = 0;
    struct group_job job = {tuples, start, bins, round, NULL, lists, NULL};
    job.segment = mem_alloc(bins.owners * (items + 1), sizeof *job.segment);
    for (uint64_t from = 0; from < bins.owners; from++) {
        uint64_t *segment = job.segment + from * (items + 1);
        for (uint32_t band = round.band; band < round.band_end; band++)
            for (uint32_t bin = round.bin; bin < round.bin_end; bin++) {
                *segment++ = sum;
                sum += counts[(from * bands + band) * bins.per_owner + bin];
            }
        *segment = sum;
    }
    job.scratch = mem_zero(threads, sizeof *job.scratch);
    for (uint64_t t = 0; t < threads; t++)
        lists[t].n = lists[t].n_rows = 0;
    uint64_t chunk = max_u64(1, min_u64(16, items / (8 * threads))); /* few bins may be large ones */
    pool_for(pool, items, chunk, group_bins, &job);
    for (uint64_t t = 0; t < threads; t++)
        scratch_free(&job.scratch[t]);
    free(job.scratch);
    free(job.segment);
}

void bucket_list_free(struct bucket_list *l) {
    free(l->bucket);
    free(l->row);
    *l = (struct bucket_list){0};
}

double bucket_all(struct pool *pool, const struct band_keys *keys, struct bucket_list *lists) {
    struct bins bins = bins_choose(1, keys->n, UINT32_MAX);
    const struct round whole = {0, keys->bands, 0, bins.per_owner};
    const uint64_t start[] = {0};
    uint64_t *counts = mem_alloc(round_bins(&whole), sizeof *counts), sum = 0;
    bucket_count(pool, keys, bins, counts);
    for (uint64_t k = 0; k < round_bins(&whole); k++)
        sum += counts[k];
    struct tuple *tuples = mem_alloc(sum, sizeof *tuples);
    bucket_partition(pool, keys, bins, whole, tuples);
    bucket_group(pool, tuples, counts, keys->bands, bins, start, whole, lists);
    free(tuples);
    free(counts);
    double pairs = 0;
    for (int thread = 0; thread < pool_threads(pool); thread++)
        for (uint64_t b = 0; b < lists[thread].n; b++)
            pairs += (double)bucket_pairs(&lists[thread].bucket[b]);
    return pairs;
}
