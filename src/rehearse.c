#include "rehearse.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"
#include "lshjoin/bucket.h"
#include "lshjoin/candidate.h"

enum { MOST_KEYS = 1 << 24, SLOT = 1 << 14, MOST_EXAMINED = 1 << 22, LEAST_COPIES = 20 };

/* The sampled rows of all ranks. */
struct cast {
    uint64_t left, n;
    struct signatures signatures; /* with digests */
};

static void tell_nobody(void *ctx, uint64_t rows) {
    (void)ctx;
    (void)rows;
}

/* Digests of all ranks' rows, those of the left input first. */
static struct records gather_digests(struct comm *c, const struct records *mine, uint64_t left,
                                     uint64_t *all_left) {
    size_t bytes = mine->width * mine->item;
    struct records all = {.item = mine->item, .width = mine->width};
    uint64_t right;
    char *lefts = comm_gather(c, bytes, mine->data, left, all_left);
    char *rights = comm_gather(c, bytes, (const char *)mine->data + left * bytes, mine->n - left, &right);
    all.n = *all_left + right;
    all.data = mem_grow(lefts, all.n, bytes);
    memcpy((char *)all.data + *all_left * bytes, rights, right * bytes);
    free(rights);
    return all;
}

/* The keys as the buckets want them, from the digests. */
static struct band_keys keys_of(const struct records *digest, const struct band_keys *like, uint64_t left) {
    struct band_keys k = {digest->n, like->variants > 1 ? left : 0, like->bands, like->variants, NULL};
    uint64_t each = band_keys_each(&k);
    k.key = mem_alloc(k.bands * each, sizeof *k.key);
    for (uint64_t i = 0; i < k.bands * each; i++) {
        uint64_t band = i / each, place = i % each, row = band_keys_row(&k, place);
        uint64_t variant = place < k.n ? 0 : 1 + (place - k.n) / k.asking;
        k.key[i] = ((const uint64_t *)digest->data)[row * digest->width + band * k.variants + variant];
    }
    return k;
}

static struct cast cast_create(struct comm *c, struct pool *pool, const struct family *family,
                               const struct records *rows, uint64_t left, bool self_join,
                               const struct drawing *d) {
    struct signatures mine =
        signatures_create(pool, family, rows, d, self_join ? UINT64_MAX : left, false, tell_nobody, NULL);
    struct cast all = {.signatures = {.is_asymmetric = mine.is_asymmetric}};
    all.signatures.digest = gather_digests(c, signatures_digest(&mine, pool), left, &all.left);
    all.n = all.signatures.digest.n;
    all.signatures.keys = keys_of(&all.signatures.digest, &mine.keys, all.left);
    signatures_free(&mine);
    return all;
}

/* Of the pairs that meet, as many as there is time for: how many of them are the first copy of theirs. */
static double count_first(const struct cast *all, const struct bucket_list *lists, int n_lists,
                          bool self_join, uint64_t *examined) {
    uint64_t start[] = {0, all->n}, first = 0, n = 0;
    const struct shard shard = {.ranks = 1,
                                .self_join = self_join,
                                .rows = all->n,
                                .start = start,
                                .split = self_join ? all->n : all->left};
    struct pair_cursor cursor = {
        .shard = &shard, .asymmetric = all->signatures.is_asymmetric, .lists = lists, .n_lists = n_lists};
    struct u64_pair *slots = mem_alloc(SLOT, sizeof *slots);
    *examined = 0;
    for (bool more = true; more && *examined < MOST_EXAMINED; *examined += n) {
        more = pair_cursor_next(&cursor, slots, SLOT, &n);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t a = candidate_mine(slots[i]), b = slots[i].first;
            const struct records *digest = &all->signatures.digest;
            first += band_first_slot(&all->signatures, records_row(digest, min_u64(a, b)),
                                     records_row(digest, max_u64(a, b))) == candidate_slot(slots[i]);
        }
    }
    free(slots);
    pair_cursor_free(&cursor);
    return (double)first;
}

/* Of the sample: copies of candidates, and different ones. */
static void count(const struct cast *all, struct pool *pool, bool self_join, double *copies,
                  double *candidates) {
    const struct band_keys *keys = &all->signatures.keys;
    struct bins bins = bins_choose(1, all->n, UINT32_MAX);
    const struct round whole = {0, keys->bands, 0, bins.per_owner};
    const uint64_t start[] = {0};
    uint64_t *counts = mem_alloc(round_bins(&whole), sizeof *counts), examined, sum = 0;
    struct bucket_list *lists = mem_zero((uint64_t)pool_threads(pool), sizeof *lists);
    bucket_count(pool, keys, bins, counts);
    for (uint64_t k = 0; k < round_bins(&whole); k++)
        sum += counts[k];
    struct tuple *tuples = mem_alloc(sum, sizeof *tuples);
    bucket_partition(pool, keys, bins, whole, tuples);
    bucket_group(pool, tuples, counts, keys->bands, bins, start, whole, lists);
    double first = count_first(all, lists, pool_threads(pool), self_join, &examined);
    *copies = (double)examined;
    if (examined >= MOST_EXAMINED) {
        *copies = 0;
        for (int t = 0; t < pool_threads(pool); t++)
            for (uint64_t b = 0; b < lists[t].n; b++)
                *copies += (double)bucket_pairs(&lists[t].bucket[b]);
    }
    *candidates = examined ? first / (double)examined * *copies : 0;
    for (int t = 0; t < pool_threads(pool); t++)
        bucket_list_free(&lists[t]);
    free(lists);
    free(tuples);
    free(counts);
}

void rehearse(struct plan *p, const struct survey *s, struct comm *c, struct pool *pool,
              const struct family *family, const struct records *rows, uint64_t left) {
    uint64_t n = rows->n, variants = family_variants(family, &p->drawing);
    comm_sum(c, &n, 1);
    if (n == 0 || n * variants > MOST_KEYS / p->drawing.bands)
        return;
    struct cast all = cast_create(c, pool, family, rows, left, s->self_join, &p->drawing);
    if (comm_rank(c) == 0) {
        double copies, candidates, scale = s->pairs / (double)s->sampled; /* both without rows left out */
        count(&all, pool, s->self_join, &copies, &candidates);
        if (copies >= LEAST_COPIES) {
            p->copies = copies * scale;
            p->candidates = candidates * scale;
            if (p->agreement <= 0)
                p->pairs = p->candidates;
            plan_seconds(p, family, s);
        }
    }
    comm_broadcast(c, p, sizeof *p);
    signatures_free(&all.signatures);
}
