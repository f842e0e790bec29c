#include "lshjoin/bucket.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"

/* Most keys stand alone. A filter of a few bits a tuple, in the first-level cache, finds those that may not;
 * only they are brought together, and a small hash table tells which of them are equal. */
struct group_job {
    const struct tuple *tuples;
    const uint64_t *start;
    struct sides sides;
    uint32_t senders;
    struct round round;
    uint64_t *segment; /* [senders][round_bins + 1] where each sender's tuples of each bin begin */
    struct bucket_list *lists;
    struct group_scratch *scratch; /* [threads] */
};

/* A sender's tuples of a bin: those that store come first. */
struct stretch {
    const struct tuple *store, *ask, *end;
    uint64_t start; /* the sender's first row */
};

/* A word of the filter: for 64 hashes, whether somebody stores such a key, and whether somebody else stores
 * it too or asks for it. */
struct marks {
    uint64_t stored, met;
};

enum { MARKS_EACH = 16 }; /* hashes a tuple, at least: of single keys that many fewer are kept */

#define NO_GROUP UINT32_MAX
#define NOWHERE UINT64_MAX

struct group_scratch {
    struct stretch *stretch; /* [senders] */
    uint64_t capacity;       /* tuples, a power of two */
    struct marks *marks;     /* [capacity * MARKS_EACH / 64] */
    uint64_t *key, *row; /* of the tuples that were kept: those that store, rising by row, then the others */
    uint32_t *group;     /* of each of them, or NO_GROUP */
    uint64_t *group_key; /* of each group; then the place of its next row */
    uint64_t *asked_right;                        /* the same, of those that ask from the border on */
    uint32_t *size, *stored, *right, *asked_left; /* of each group */
    uint32_t *table;                              /* [2 * capacity] group + 1 or 0 */
};

static uint64_t power_of_two(uint64_t n) {
    uint64_t power = 64;
    while (power < n)
        power *= 2;
    return power;
}

static void scratch_reserve(struct group_scratch *s, uint64_t n) {
    if (n <= s->capacity)
        return;
    if (n >= UINT32_MAX)
        die(EX_SOFTWARE,
            "%llu keys came to one bin of one rank: more than 2^32 records are alike, or too many for the "
            "ranks",
            (unsigned long long)n);
    uint64_t c = power_of_two(n);
    s->marks = mem_grow(s->marks, c * MARKS_EACH / 64, sizeof *s->marks);
    s->key = mem_grow(s->key, c, sizeof *s->key);
    s->row = mem_grow(s->row, c, sizeof *s->row);
    s->group_key = mem_grow(s->group_key, c, sizeof *s->group_key);
    s->group = mem_grow(s->group, c, sizeof *s->group);
    s->size = mem_grow(s->size, c, sizeof *s->size);
    s->stored = mem_grow(s->stored, c, sizeof *s->stored);
    s->right = mem_grow(s->right, c, sizeof *s->right);
    s->asked_left = mem_grow(s->asked_left, c, sizeof *s->asked_left);
    s->asked_right = mem_grow(s->asked_right, c, sizeof *s->asked_right);
    s->table = mem_grow(s->table, 2 * c, sizeof *s->table);
    s->capacity = c;
}

static void scratch_free(struct group_scratch *s) {
    free(s->stretch);
    free(s->marks);
    free(s->key);
    free(s->row);
    free(s->group_key);
    free(s->group);
    free(s->size);
    free(s->stored);
    free(s->right);
    free(s->asked_left);
    free(s->asked_right);
    free(s->table);
}

static const struct tuple *first_that_asks(const struct tuple *t, const struct tuple *end) {
    if (t == end || !(end[-1].key_low & BAND_ASKS)) /* mostly nobody does */
        return end;
    while (t < end) {
        const struct tuple *middle = t + (end - t) / 2;
        if (middle->key_low & BAND_ASKS)
            end = middle;
        else
            t = middle + 1;
    }
    return t;
}

/* Find the stretches of bin number `item` of the round. Returns how many tuples they hold. */
static uint64_t find_stretches(const struct group_job *job, uint64_t item, struct stretch *stretch) {
    uint64_t items = round_bins(&job->round), n = 0;
    for (uint32_t from = 0; from < job->senders; from++) {
        const uint64_t *segment = job->segment + from * (items + 1) + item;
        const struct tuple *first = job->tuples + segment[0], *end = job->tuples + segment[1];
        stretch[from] = (struct stretch){first, first_that_asks(first, end), end, job->start[from]};
        n += segment[1] - segment[0];
    }
    return n;
}

/* Low bits are hashed, here and below: the high ones are alike in a bin. */
static inline struct marks *marks_of(const struct tuple *t, struct marks *marks, uint64_t mask,
                                     uint64_t *bit) {
    uint64_t hash = t->key_low >> 1;
    *bit = (uint64_t)1 << (hash & 63);
    return &marks[hash >> 6 & mask];
}

/* Mark all tuples in the filter of mask + 1 words: all that store before the first that asks. */
static void mark(struct marks *marks, uint64_t mask, const struct stretch *stretch, uint32_t n) {
    memset(marks, 0, (mask + 1) * sizeof *marks);
    uint64_t bit;
    for (const struct stretch *s = stretch; s < stretch + n; s++)
        for (const struct tuple *t = s->store; t < s->ask; t++) {
            struct marks *m = marks_of(t, marks, mask, &bit);
            m->met |= m->stored & bit;
            m->stored |= bit;
        }
    for (const struct stretch *s = stretch; s < stretch + n; s++)
        for (const struct tuple *t = s->ask; t < s->end; t++) {
            struct marks *m = marks_of(t, marks, mask, &bit);
            m->met |= m->stored & bit;
        }
}

/* Append those of the tuples [t, end) that may have met another to the n that were kept. Returns how many are
 * kept now. */
static uint64_t keep(struct group_scratch *s, uint64_t n, uint64_t mask, const struct tuple *t,
                     const struct tuple *end, uint64_t start) {
    for (uint64_t bit; t < end; t++) {
        s->key[n] = ((uint64_t)t->key_high << 32 | t->key_low) & ~BAND_ASKS;
        s->row[n] = (start + t->row) << 1 | (t->key_low & BAND_ASKS);
        n += (marks_of(t, s->marks, mask, &bit)->met & bit) != 0;
    }
    return n;
}

/* Bring those of bin number `item` together that may have met another. Returns how many; *stored of them
 * store. */
static uint64_t gather(const struct group_job *job, uint64_t item, struct group_scratch *s,
                       uint64_t *stored) {
    uint32_t senders = job->senders;
    uint64_t n = find_stretches(job, item, s->stretch), mask = power_of_two(n) * MARKS_EACH / 64 - 1;
    *stored = 0;
    if (n < 2)
        return 0;
    scratch_reserve(s, n);
    mark(s->marks, mask, s->stretch, senders);
    for (uint32_t from = 0; from < senders; from++) {
        const struct stretch *of = &s->stretch[from];
        *stored = keep(s, *stored, mask, of->store, of->ask, of->start);
    }
    n = *stored;
    for (uint32_t from = 0; from < senders; from++) {
        const struct stretch *of = &s->stretch[from];
        n = keep(s, n, mask, of->ask, of->end, of->start);
    }
    return n;
}

/* The table's slot of a key: where it is, or a free one. */
static uint64_t find_slot(const struct group_scratch *s, uint64_t slots, uint64_t key) {
    uint64_t slot = key >> 1 & (slots - 1);
    while (s->table[slot] && s->group_key[s->table[slot] - 1] != key)
        slot = (slot + 1) & (slots - 1);
    return slot;
}

/* Number the different keys that are stored in order of appearance, and find those that are asked for among
 * them; fills group, size, stored, right and asked_left. Returns how many. */
static uint32_t number_keys(struct group_scratch *s, uint64_t stored, uint64_t n, uint64_t border) {
    uint64_t slots = power_of_two(2 * stored);
    memset(s->table, 0, slots * sizeof *s->table);
    uint32_t groups = 0;
    for (uint64_t i = 0; i < stored; i++) {
        uint64_t slot = find_slot(s, slots, s->key[i]);
        if (!s->table[slot]) {
            s->group_key[groups] = s->key[i];
            s->size[groups] = s->right[groups] = s->asked_left[groups] = 0;
            s->table[slot] = ++groups;
        }
        s->group[i] = s->table[slot] - 1;
        s->size[s->group[i]]++;
        s->right[s->group[i]] += s->row[i] >> 1 < border;
    }
    memcpy(s->stored, s->size, groups * sizeof *s->stored);
    for (uint64_t i = stored; i < n; i++) {
        s->group[i] = s->table[find_slot(s, slots, s->key[i])] - 1; /* NO_GROUP where it is not stored */
        if (s->group[i] == NO_GROUP)
            continue;
        s->size[s->group[i]]++;
        s->asked_left[s->group[i]] += s->row[i] >> 1 < border;
    }
    return groups;
}

void bucket_list_reserve(struct bucket_list *l, uint64_t buckets, uint64_t rows) {
    if (l->n + buckets > l->capacity) {
        l->capacity = 2 * (l->n + buckets);
        l->bucket = mem_grow(l->bucket, l->capacity, sizeof *l->bucket);
    }
    if (l->n_rows + rows > l->row_capacity) {
        l->row_capacity = 2 * (l->n_rows + rows);
        l->row = mem_grow(l->row, l->row_capacity, sizeof *l->row);
    }
}

static struct bucket make_bucket(const struct group_scratch *s, uint32_t g, struct sides sides, uint32_t band,
                                 uint64_t first) {
    struct bucket b = {.first = first, .size = s->size[g], .stored = s->stored[g], .right = s->right[g]};
    b.left = sides.left_end == UINT64_MAX ? b.stored : sides.left_end == 0 ? 0 : b.right;
    b.asked_right = b.stored + s->asked_left[g];
    b.band = band;
    return b;
}

/* Append the groups in which rows meet to the list. */
static void list_append(struct bucket_list *l, struct group_scratch *s, uint64_t stored, uint64_t n,
                        uint32_t groups, struct sides sides, uint32_t band) {
    bucket_list_reserve(l, groups, n);
    for (uint32_t g = 0; g < groups; g++) {
        struct bucket b = make_bucket(s, g, sides, band, l->n_rows);
        bool meets = bucket_pairs(&b) > 0;
        s->group_key[g] = meets ? b.first : NOWHERE;
        s->asked_right[g] = b.first + b.asked_right;
        if (!meets)
            continue;
        l->bucket[l->n++] = b;
        l->n_rows += b.size;
    }
    for (uint64_t i = 0; i < n; i++) {
        uint32_t g = s->group[i];
        if (g == NO_GROUP || s->group_key[g] == NOWHERE)
            continue;
        bool at_end = i >= stored && s->row[i] >> 1 >= sides.right;
        l->row[at_end ? s->asked_right[g]++ : s->group_key[g]++] = s->row[i];
    }
}

static void group_bins(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct group_job *job = ctx;
    struct group_scratch *s = &job->scratch[thread];
    for (uint64_t item = lo; item < hi; item++) {
        uint64_t stored, n = gather(job, item, s, &stored);
        if (stored == 0)
            continue;
        uint32_t groups = number_keys(s, stored, n, job->sides.right);
        uint32_t band = job->round.band + (uint32_t)(item / (job->round.bin_end - job->round.bin));
        list_append(&job->lists[thread], s, stored, n, groups, job->sides, band);
    }
}

uint64_t *bucket_segments(const uint64_t *counts, uint64_t senders, uint32_t bands, uint32_t per_owner,
                          struct round round) {
    uint64_t *segments = mem_alloc(senders * (round_bins(&round) + 1), sizeof *segments), *next = segments,
             sum = 0;
    for (uint64_t from = 0; from < senders; from++) {
        for (uint32_t band = round.band; band < round.band_end; band++)
            for (uint32_t bin = round.bin; bin < round.bin_end; bin++) {
                *next++ = sum;
                sum += counts[(from * bands + band) * per_owner + bin];
            }
        *next++ = sum;
    }
    return segments;
}

void bucket_group(struct pool *pool, const struct tuple *tuples, const uint64_t *counts, uint32_t senders,
                  uint32_t bands, struct bins bins, const uint64_t *start, struct sides sides,
                  struct round round, struct bucket_list *lists) {
    uint64_t items = round_bins(&round), threads = (uint64_t)pool_threads(pool);
    struct group_job job = {tuples, start, sides, senders, round, NULL, lists, NULL};
    job.segment = bucket_segments(counts, senders, bands, bins.per_owner, round);
    job.scratch = mem_zero(threads, sizeof *job.scratch);
    for (uint64_t t = 0; t < threads; t++) {
        job.scratch[t].stretch = mem_alloc(senders, sizeof(struct stretch));
        lists[t].n = lists[t].n_rows = 0;
    }
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
