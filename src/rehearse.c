#include "rehearse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"
#include "lshjoin/bucket.h"
#include "lshjoin/candidate.h"
#include "lshjoin/law.h"
#include "lshjoin/screen.h"
#include "sample.h"

enum {
    MOST_KEYS = 1 << 24,
    SLOT = 1 << 14,
    MOST_EXAMINED = 1 << 22,
    LEAST_COPIES = 20,
    MOST_BYTES = 1 << 26,
    STEPS = 1 << 10 /* of probabilities that a hash value agrees */
};

/* The sampled rows of all ranks. */
struct cast {
    uint64_t left, n;
    bool sketched;
    struct sketches sketches; /* these two where sketched, else */
    struct sketching sketching;
    struct signatures signatures; /* with digests */
    struct records rows;          /* none where they would be too large */
};

/* What came of the sample: whole numbers, whose sums know no order. */
struct outcome {
    uint64_t copies, candidates;
    uint64_t pairs[STEPS + 1]; /* candidates that reach the threshold, by the step below their agreement */
};

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

/* The digests of this rank's rows; *like: keys as they come. */
static struct records sign_rows(struct pool *pool, const struct family *family, const struct sample *sample,
                                uint64_t split, const struct drawing *d, struct band_keys *like) {
    struct records all = {.n = sample->n, .item = sizeof(uint64_t)};
    uint64_t next = 0;
    do { /* also of no rows, whose keys have bands and variants */
        uint64_t first = next;
        struct records rows = sample_next(sample, &next);
        uint64_t asking = split == UINT64_MAX ? split : max_u64(split, first) - first;
        struct signatures some = signatures_create(pool, family, &rows, d, asking, false, NULL, NULL);
        const struct records *digest = signatures_digest(&some, pool);
        uint64_t each = digest->width * digest->item;
        all.width = digest->width;
        if (!all.data)
            all.data = mem_alloc(all.n, each);
        memcpy((char *)all.data + first * each, digest->data, rows.n * each);
        *like = some.keys;
        signatures_free(&some);
        records_free(&rows);
    } while (next < sample->n);
    return all;
}

static void sign_cast(struct cast *all, struct comm *c, struct pool *pool, const struct family *family,
                      const struct sample *sample, uint64_t split, const struct drawing *d) {
    struct band_keys like;
    struct records mine = sign_rows(pool, family, sample, split, d, &like);
    all->signatures.is_asymmetric = family->is_asymmetric;
    all->signatures.is_directed = family->is_directed;
    all->signatures.digest = gather_rows(c, &mine, sample->left);
    all->n = all->signatures.digest.n;
    all->signatures.keys = keys_of(&all->signatures.digest, &like, all->left);
    records_free(&mine);
}

/* Bytes of this rank's sampled rows. */
static uint64_t size_of(const struct sample *s) {
    uint64_t items = 0;
    for (uint64_t i = 0; i < s->n; i++)
        items += records_length(s->records, s->row[i]);
    return items * s->records->item;
}

static struct cast cast_create(struct comm *c, struct pool *pool, const struct family *family,
                               const struct sample *sample, bool self_join, const struct drawing *d) {
    struct cast all = {.left = sample->left, .sketched = d->symbol_bits > 0};
    comm_sum(c, &all.left, 1);
    if (all.sketched) {
        all.sketching = sketching_create(d, cpu_simd());
        all.sketches = sample_sketch(c, pool, family, sample, d);
        all.n = all.sketches.words.n;
    } else {
        sign_cast(&all, c, pool, family, sample, self_join ? UINT64_MAX : sample->left, d);
    }
    uint64_t bytes = size_of(sample);
    comm_sum(c, &bytes, 1);
    if (bytes <= MOST_BYTES) {
        struct records rows = records_select(sample->records, sample->row, sample->n);
        all.rows = gather_rows(c, &rows, sample->left);
        records_free(&rows);
    }
    return all;
}

static void cast_free(struct cast *all) {
    if (all->sketched) {
        sketches_free(&all->sketches);
        sketching_free(&all->sketching);
    }
    signatures_free(&all->signatures);
    records_free(&all->rows);
}

/* By what candidates are judged. */
struct audience {
    const struct cast *cast;
    const struct shard *shard;
    const struct plan *plan;
    const struct family *family;
    const struct threshold *threshold;
};

/* Count a candidate, and whether it reaches the threshold. */
static void count(struct outcome *o, const struct audience *by, uint64_t a, uint64_t b) {
    const struct records *r = &by->cast->rows;
    double value;
    o->candidates++;
    if (r->data && by->plan->agreement > 0 &&
        by->family->verify(by->threshold, records_row(r, a), records_length(r, a), records_row(r, b),
                           records_length(r, b), r->item, &value)) {
        /* in how many values sets agree their sizes say, too: what is promised is known of all */
        double agreement = by->family->is_directed ? 0 : by->family->agreement(value, &by->plan->drawing);
        o->pairs[(uint64_t)(agreement * STEPS)]++;
    }
}

/* The pairs that meet: those that are the first copy of theirs are candidates. */
static void examine(struct outcome *o, const struct audience *by, const struct bucket_list *lists,
                    int n_lists) {
    const struct signatures *signatures = &by->cast->signatures;
    struct pair_cursor cursor = {
        .shard = by->shard, .ordered = by->family->is_directed, .lists = lists, .n_lists = n_lists};
    struct u64_pair *slots = mem_alloc(SLOT, sizeof *slots);
    uint64_t n = 0;
    for (bool more = true; more;) {
        more = pair_cursor_next(&cursor, slots, SLOT, &n);
        o->copies += n;
        for (uint64_t i = 0; i < n; i++) {
            uint64_t mine = candidate_mine(slots[i]), other = slots[i].first;
            uint64_t a = candidate_mine_is_left(slots[i]) ? mine : other, b = mine + other - a;
            const struct records *digest = &signatures->digest;
            if (band_first_slot(signatures, records_row(digest, a), records_row(digest, b)) ==
                candidate_slot(slots[i]))
                count(o, by, a, b);
        }
    }
    free(slots);
    pair_cursor_free(&cursor);
}

/* The same by sketches. */
static void examine_sketches(struct outcome *o, const struct audience *by, const struct bucket_list *lists,
                             struct pool *pool) {
    const struct records *words = &by->cast->sketches.words;
    struct screen *screen = screen_create(pool, &by->cast->sketching, by->shard, false);
    screen_begin(screen, lists, pool_threads(pool), 0);
    uint64_t n_rows;
    for (const uint64_t *rows; (rows = screen_portion(screen, SLOT, &n_rows)) != NULL;) {
        struct records sketch = records_select(words, rows, n_rows);
        for (bool more = true; more;) {
            uint64_t n;
            const struct u64_pair *pairs = screen_next(screen, sketch.data, SLOT, &n, &o->copies, &more);
            for (uint64_t i = 0; i < n; i++)
                count(o, by, pairs[i].first, pairs[i].second);
        }
        records_free(&sketch);
    }
    screen_free(screen);
}

/* Leave out all rows but every `stride`-th. */
static void thin(struct band_keys *keys, uint64_t stride) {
    uint64_t each = band_keys_each(keys);
    for (uint64_t band = 0; band < keys->bands; band++)
        for (uint64_t i = 0; i < each; i++)
            if (band_keys_row(keys, i) % stride)
                keys->key[band * each + i] = BAND_NO_KEY;
}

/* The buckets of the sample, or, where too many pairs would meet, of an even part of it: one in *times pairs.
 * As many lists as threads, to free. */
static struct bucket_list *group(struct band_keys *keys, struct sides sides, struct pool *pool,
                                 double *times) {
    struct bucket_list *lists = mem_zero((uint64_t)pool_threads(pool), sizeof *lists);
    double pairs = bucket_all(pool, keys, sides, lists);
    *times = 1;
    if (pairs > MOST_EXAMINED) {
        double stride = ceil(sqrt(pairs / MOST_EXAMINED));
        thin(keys, (uint64_t)stride);
        bucket_all(pool, keys, sides, lists);
        *times = stride * stride;
    }
    return lists;
}

static struct outcome perform(struct cast *all, struct pool *pool, bool self_join, const struct plan *p,
                              const struct family *family, const struct threshold *t, double *times) {
    struct band_keys keys = all->sketched
                                ? sketches_keys(&all->sketches, &all->sketching, pool, 0, p->drawing.bands)
                                : all->signatures.keys;
    struct outcome o = {0};
    uint64_t start[] = {0, all->n};
    const struct shard shard = {.ranks = 1,
                                .self_join = self_join,
                                .rows = all->n,
                                .split = self_join ? all->n : all->left,
                                .start = start};
    struct bucket_list *lists = group(&keys, sides_of(&shard, family->is_asymmetric), pool, times);
    const struct audience audience = {all, &shard, p, family, t};
    if (all->sketched)
        examine_sketches(&o, &audience, lists, pool);
    else
        examine(&o, &audience, lists, pool_threads(pool));
    for (int thread = 0; thread < pool_threads(pool); thread++)
        bucket_list_free(&lists[thread]);
    free(lists);
    if (all->sketched)
        free(keys.key);
    return o;
}

/* As many pairs as were found are there for those that were, by the law or what is promised. */
static void expect_recall(struct plan *p, const struct outcome *o, double scale) {
    double found = 0, there = 0;
    struct law law = law_create(&p->drawing);
    for (int step = 0; step <= STEPS; step++) {
        double chance = o->pairs[step] ? fmax(p->recall, law_at(&law, (double)step / STEPS)) : 1;
        found += (double)o->pairs[step];
        there += (double)o->pairs[step] / chance;
    }
    law_free(&law);
    if (found < LEAST_COPIES)
        return;
    p->pairs = found * scale;
    p->recall_above = fmax(p->recall, found / there);
}

void rehearse(struct plan *p, const struct survey *s, struct comm *c, struct pool *pool,
              const struct family *family, const struct threshold *t, const struct sample *sample) {
    uint64_t n = sample->n, variants = family_variants(family, &p->drawing);
    comm_sum(c, &n, 1);
    if (n == 0 || n * variants > MOST_KEYS / p->drawing.bands)
        return;
    struct cast all = cast_create(c, pool, family, sample, s->self_join, &p->drawing);
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
    cast_free(&all);
}
