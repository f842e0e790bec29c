#include "rehearse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"
#include "lshjoin/bucket.h"
#include "lshjoin/candidate.h"
#include "lshjoin/law.h"

enum {
    MOST_KEYS = 1 << 24,
    SLOT = 1 << 14,
    MOST_EXAMINED = 1 << 22,
    LEAST_COPIES = 20,
    MOST_BYTES = 1 << 28,
    STEPS = 1 << 10 /* of probabilities that a hash value agrees */
};

/* The sampled rows of all ranks. */
struct cast {
    uint64_t left, n;
    struct signatures signatures; /* with digests */
    struct records rows;          /* none where they would be too large */
};

/* What came of the sample: whole numbers, whose sums know no order. */
struct outcome {
    uint64_t copies, candidates;
    uint64_t pairs[STEPS + 1]; /* candidates that reach the threshold, by the step below their agreement */
};

static void tell_nobody(void *ctx, uint64_t rows) {
    (void)ctx;
    (void)rows;
}

/* All ranks' rows, those of the left input first; of sets by their lengths and elements. */
static struct records gather_rows(struct comm *c, const struct records *mine, uint64_t left) {
    struct records all = {.item = mine->item, .width = mine->width};
    uint64_t ignored, items;
    if (!mine->offset) {
        all.data =
            comm_gather(c, mine->width * mine->item, mine->data, left, mine->n - left, &ignored, &all.n);
        return all;
    }
    uint64_t *length = mem_alloc(mine->n, sizeof *length);
    for (uint64_t i = 0; i < mine->n; i++)
        length[i] = records_length(mine, i);
    uint64_t *lengths = comm_gather(c, sizeof *length, length, left, mine->n - left, &ignored, &all.n);
    all.data = comm_gather(c, mine->item, mine->data, mine->offset[left],
                           mine->offset[mine->n] - mine->offset[left], &ignored, &items);
    all.offset = mem_zero(all.n + 1, sizeof *all.offset);
    for (uint64_t i = 0; i < all.n; i++)
        all.offset[i + 1] = all.offset[i] + lengths[i];
    free(lengths);
    free(length);
    return all;
}

/* The keys as the buckets want them, from the digests. */
static struct band_keys keys_of(const struct records *digest, const struct band_keys *like, uint64_t left) {
    struct band_keys k = {digest->n, like->variants > 1 ? left : 0, like->bands, like->variants, NULL};
    k.key = mem_alloc(k.bands * band_keys_each(&k), sizeof *k.key);
    uint64_t *next = k.key;
    for (uint64_t part = 0; part < digest->width; part++) { /* band by band, variant by variant */
        uint64_t rows = part % k.variants ? k.asking : k.n;
        for (uint64_t row = 0; row < rows; row++)
            *next++ = ((const uint64_t *)digest->data)[row * digest->width + part];
    }
    return k;
}

static struct cast cast_create(struct comm *c, struct pool *pool, const struct family *family,
                               const struct records *rows, uint64_t left, bool self_join,
                               const struct drawing *d) {
    struct signatures mine =
        signatures_create(pool, family, rows, d, self_join ? UINT64_MAX : left, false, tell_nobody, NULL);
    struct cast all = {.signatures = {.is_asymmetric = mine.is_asymmetric}};
    all.signatures.digest = gather_rows(c, signatures_digest(&mine, pool), left);
    all.n = all.signatures.digest.n;
    all.left = left;
    comm_sum(c, &all.left, 1);
    all.signatures.keys = keys_of(&all.signatures.digest, &mine.keys, all.left);
    signatures_free(&mine);
    uint64_t bytes = records_items(rows) * rows->item;
    comm_sum(c, &bytes, 1);
    if (bytes <= MOST_BYTES)
        all.rows = gather_rows(c, rows, left);
    return all;
}

/* Count a candidate that reaches the threshold. */
static void compare(struct outcome *o, const struct cast *all, const struct plan *p,
                    const struct family *family, const struct threshold *t, uint64_t a, uint64_t b) {
    const struct records *r = &all->rows;
    double value;
    if (!r->data || p->agreement <= 0 ||
        !family->verify(t, records_row(r, a), records_length(r, a), records_row(r, b), records_length(r, b),
                        r->item, &value))
        return;
    o->pairs[(uint64_t)(family->agreement(value, &p->drawing) * STEPS)]++;
}

/* The pairs that meet: those that are the first copy of theirs are candidates. */
static void examine(struct outcome *o, const struct cast *all, const struct bucket_list *lists, int n_lists,
                    bool self_join, const struct plan *p, const struct family *family,
                    const struct threshold *t) {
    uint64_t start[] = {0, all->n}, n = 0;
    const struct shard shard = {.ranks = 1,
                                .self_join = self_join,
                                .rows = all->n,
                                .split = self_join ? all->n : all->left,
                                .start = start};
    struct pair_cursor cursor = {
        .shard = &shard, .asymmetric = all->signatures.is_asymmetric, .lists = lists, .n_lists = n_lists};
    struct u64_pair *slots = mem_alloc(SLOT, sizeof *slots);
    for (bool more = true; more;) {
        more = pair_cursor_next(&cursor, slots, SLOT, &n);
        o->copies += n;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t mine = candidate_mine(slots[i]), other = slots[i].first;
            uint64_t a = min_u64(mine, other), b = max_u64(mine, other);
            const struct records *digest = &all->signatures.digest;
            if (band_first_slot(&all->signatures, records_row(digest, a), records_row(digest, b)) !=
                candidate_slot(slots[i]))
                continue;
            o->candidates++;
            compare(o, all, p, family, t, a, b);
        }
    }
    free(slots);
    pair_cursor_free(&cursor);
}

/* The buckets of all bands: as many lists as threads. Returns the number of their pairs. */
static double group(const struct cast *all, struct pool *pool, struct bucket_list *lists) {
    const struct band_keys *keys = &all->signatures.keys;
    struct bins bins = bins_choose(1, all->n, UINT32_MAX);
    const struct round whole = {0, keys->bands, 0, bins.per_owner};
    const uint64_t start[] = {0};
    uint64_t *counts = mem_alloc(round_bins(&whole), sizeof *counts), sum = 0;
    bucket_count(pool, keys, bins, counts);
    for (uint64_t k = 0; k < round_bins(&whole); k++)
        sum += counts[k];
    struct tuple *tuples = mem_alloc(sum, sizeof *tuples);
    bucket_partition(pool, keys, bins, counts, whole, tuples);
    bucket_group(pool, tuples, counts, keys->bands, bins, start, whole, lists);
    free(tuples);
    free(counts);
    double pairs = 0;
    for (int thread = 0; thread < pool_threads(pool); thread++)
        for (uint64_t b = 0; b < lists[thread].n; b++)
            pairs += (double)bucket_pairs(&lists[thread].bucket[b]);
    return pairs;
}

/* Leave out all rows but every `stride`-th. */
static void thin(struct cast *all, uint64_t stride) {
    const struct band_keys *keys = &all->signatures.keys;
    uint64_t each = band_keys_each(keys);
    for (uint64_t band = 0; band < keys->bands; band++)
        for (uint64_t i = 0; i < each; i++)
            if (band_keys_row(keys, i) % stride)
                keys->key[band * each + i] = BAND_NO_KEY;
}

/* Join the sample, or, where too many pairs would meet, an even part of it: one in *times pairs. */
static struct outcome perform(struct cast *all, struct pool *pool, bool self_join, const struct plan *p,
                              const struct family *family, const struct threshold *t, double *times) {
    struct bucket_list *lists = mem_zero((uint64_t)pool_threads(pool), sizeof *lists);
    double pairs = group(all, pool, lists);
    *times = 1;
    if (pairs > MOST_EXAMINED) {
        double stride = ceil(sqrt(pairs / MOST_EXAMINED));
        thin(all, (uint64_t)stride);
        group(all, pool, lists);
        *times = stride * stride;
    }
    struct outcome o = {0};
    examine(&o, all, lists, pool_threads(pool), self_join, p, family, t);
    for (int thread = 0; thread < pool_threads(pool); thread++)
        bucket_list_free(&lists[thread]);
    free(lists);
    return o;
}

/* As many pairs as were found are there for those that were, by the law or what is promised. */
static void expect_recall(struct plan *p, const struct outcome *o, double scale) {
    double found = 0, there = 0;
    for (int step = 0; step <= STEPS; step++) {
        double chance = o->pairs[step] ? fmax(p->recall, law_found(&p->drawing, (double)step / STEPS)) : 1;
        found += (double)o->pairs[step];
        there += (double)o->pairs[step] / chance;
    }
    if (found < LEAST_COPIES)
        return;
    p->pairs = found * scale;
    p->recall_above = fmax(p->recall, found / there);
}

void rehearse(struct plan *p, const struct survey *s, struct comm *c, struct pool *pool,
              const struct family *family, const struct threshold *t, const struct records *rows,
              uint64_t left) {
    uint64_t n = rows->n, variants = family_variants(family, &p->drawing);
    comm_sum(c, &n, 1);
    if (n == 0 || n * variants > MOST_KEYS / p->drawing.bands)
        return;
    struct cast all = cast_create(c, pool, family, rows, left, s->self_join, &p->drawing);
    if (comm_rank(c) == 0) {
        double times;
        struct outcome o = perform(&all, pool, s->self_join, p, family, t, &times);
        double scale = times * s->pairs / (double)s->sampled; /* both without rows left out */
        if (o.copies >= LEAST_COPIES) {
            p->copies = (double)o.copies * scale;
            p->candidates = (double)o.candidates * scale;
            if (p->agreement <= 0)
                p->pairs = p->candidates;
        }
        if (p->recall > 0)
            expect_recall(p, &o, scale);
        plan_seconds(p, family, s);
    }
    comm_broadcast(c, p, sizeof *p);
    signatures_free(&all.signatures);
    records_free(&all.rows);
}
