#include "lshjoin/bucket.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"

/* Most keys stand alone. A filter of a few bits a tuple, in the first-level cache, finds those that may not;
 * only they are brought together, and a small hash table tells which of them are equal. */
struct group_job {
    const struct arrived *a;
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
    struct met *met;                              /* [lists of the lookup][capacity] of each group */
};

static uint64_t power_of_two(uint64_t n) {
    uint64_t power = 64;
    while (power < n)
        power *= 2;
    return power;
}

static void check_number(uint64_t n) {
    if (n >= UINT32_MAX)
        die(EX_SOFTWARE,
            "%llu keys came to one bin of one rank: more than 2^32 records are alike, or too many for the "
            "ranks",
            (unsigned long long)n);
}

static void scratch_reserve(struct group_scratch *s, uint64_t n, const struct lookup *lookup) {
    if (n <= s->capacity)
        return;
    check_number(n);
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
    if (lookup)
        s->met = mem_grow(s->met, c * (uint64_t)lookup->lists, sizeof *s->met);
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
    free(s->met);
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
    const struct arrived *a = job->a;
    uint64_t items = round_bins(&a->round), n = 0;
    for (uint32_t from = 0; from < a->senders; from++) {
        const uint64_t *segment = job->segment + from * (items + 1) + item;
        const struct tuple *first = a->tuples + segment[0], *end = a->tuples + segment[1];
        stretch[from] = (struct stretch){first, first_that_asks(first, end), end, a->start[from]};
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

/* Append those of the tuples [t, end) that may have met another by the marks, or without marks all, to the n
 * that were kept. Returns how many are kept now. */
static uint64_t keep(struct group_scratch *s, uint64_t n, struct marks *marks, uint64_t mask,
                     const struct tuple *t, const struct tuple *end, uint64_t start) {
    for (uint64_t bit; t < end; t++) {
        s->key[n] = ((uint64_t)t->key_high << 32 | t->key_low) & ~BAND_ASKS;
        s->row[n] = (start + t->row) << 1 | (t->key_low & BAND_ASKS);
        n += !marks || (marks_of(t, marks, mask, &bit)->met & bit) != 0;
    }
    return n;
}

/* Bring those of bin number `item` together that may have met another: with a lookup all. Returns how many;
 * *stored of them store. */
static uint64_t gather(const struct group_job *job, uint64_t item, struct group_scratch *s,
                       uint64_t *stored) {
    uint32_t senders = job->a->senders;
    const struct lookup *lookup = job->a->lookup;
    uint64_t n = find_stretches(job, item, s->stretch), mask = power_of_two(n) * MARKS_EACH / 64 - 1;
    *stored = 0;
    if (n < (lookup ? 1 : 2))
        return 0;
    scratch_reserve(s, n, lookup);
    struct marks *marks = lookup ? NULL : s->marks;
    if (marks)
        mark(marks, mask, s->stretch, senders);
    for (uint32_t from = 0; from < senders; from++) {
        const struct stretch *of = &s->stretch[from];
        *stored = keep(s, *stored, marks, mask, of->store, of->ask, of->start);
    }
    n = *stored;
    for (uint32_t from = 0; from < senders; from++) {
        const struct stretch *of = &s->stretch[from];
        n = keep(s, n, marks, mask, of->ask, of->end, of->start);
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

/* The group of a key; where it has none, a new one if it may `open` one, or NO_GROUP. */
static inline uint32_t group_of(struct group_scratch *s, uint64_t slots, uint64_t key, bool open,
                                uint32_t *groups) {
    uint64_t slot = find_slot(s, slots, key);
    if (!s->table[slot] && open) {
        s->group_key[*groups] = key;
        s->size[*groups] = s->stored[*groups] = s->right[*groups] = s->asked_left[*groups] = 0;
        s->table[slot] = ++*groups;
    }
    return s->table[slot] - 1; /* NO_GROUP where that is 0 */
}

/* Number the different keys that are stored in order of appearance, and find those that are asked for among
 * them, which with a lookup may be others; fills group, size, stored, right and asked_left. Returns how many.
 */
static uint32_t number_keys(struct group_scratch *s, uint64_t stored, uint64_t n, uint64_t border,
                            bool looks_up) {
    uint64_t slots = power_of_two(2 * (looks_up ? n : stored));
    memset(s->table, 0, slots * sizeof *s->table);
    uint32_t groups = 0;
    for (uint64_t i = 0; i < stored; i++) {
        uint32_t g = s->group[i] = group_of(s, slots, s->key[i], true, &groups);
        s->stored[g]++;
        s->right[g] += s->row[i] >> 1 < border;
    }
    for (uint64_t i = stored; i < n; i++) {
        uint32_t g = s->group[i] = group_of(s, slots, s->key[i], looks_up, &groups);
        if (g == NO_GROUP)
            continue;
        s->size[g]++;
        s->asked_left[g] += s->row[i] >> 1 < border;
    }
    for (uint32_t g = 0; g < groups; g++)
        s->size[g] += s->stored[g];
    return groups;
}

/* Add what else has the keys of the groups. Returns how many rows. */
static uint64_t look_up(struct group_scratch *s, const struct lookup *lookup, uint32_t band, uint32_t groups,
                        int thread) {
    uint64_t n = 0;
    for (int list = 0; list < lookup->lists; list++) {
        struct met *met = s->met + (uint64_t)list * s->capacity;
        bool asks = lookup->asks[list];
        lookup->find(lookup->ctx, list, band, s->group_key, groups, thread, met);
        for (uint32_t g = 0; g < groups; g++) {
            uint32_t more = (uint32_t)met[g].n;
            s->size[g] += more;
            s->stored[g] += asks ? 0 : more;
            s->right[g] += !asks && lookup->is_before ? more : 0;
            s->asked_left[g] += asks ? more : 0;
            n += met[g].n;
        }
    }
    return n;
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

static void put_rows(struct group_scratch *s, uint64_t i, uint64_t end, bool asks, uint64_t border,
                     uint64_t *row) {
    for (; i < end; i++) {
        uint32_t g = s->group[i];
        if (g == NO_GROUP || s->group_key[g] == NOWHERE)
            continue;
        bool at_end = asks && s->row[i] >> 1 >= border;
        row[at_end ? s->asked_right[g]++ : s->group_key[g]++] = s->row[i];
    }
}

/* Those that were looked up and ask, or that store. */
static void put_met(struct group_scratch *s, const struct lookup *lookup, uint32_t groups, bool asks,
                    uint64_t *row) {
    for (int list = 0; list < lookup->lists; list++) {
        const struct met *met = s->met + (uint64_t)list * s->capacity;
        uint64_t start = lookup->start[list];
        for (uint32_t g = 0; g < groups && lookup->asks[list] == asks; g++) {
            if (s->group_key[g] == NOWHERE)
                continue;
            uint64_t *next = row + s->group_key[g];
            for (uint64_t k = 0; k < met[g].n; k++)
                next[k] = (start + met[g].row[k]) << 1 | asks;
            s->group_key[g] += met[g].n;
        }
    }
}

/* Append the groups in which rows meet to the list: of n rows that were sent, `stored` of which store, and
 * `found` that were looked up. */
static void list_append(struct bucket_list *l, struct group_scratch *s, uint64_t stored, uint64_t n,
                        uint64_t found, uint32_t groups, const struct arrived *a, uint32_t band) {
    bucket_list_reserve(l, groups, n + found);
    for (uint32_t g = 0; g < groups; g++) {
        struct bucket b = make_bucket(s, g, a->sides, band, l->n_rows);
        bool meets = bucket_pairs(&b) > 0;
        s->group_key[g] = meets ? b.first : NOWHERE;
        s->asked_right[g] = b.first + b.asked_right;
        if (!meets)
            continue;
        l->bucket[l->n++] = b;
        l->n_rows += b.size;
    }
    for (int asks = 0; asks < 2; asks++) {
        if (a->lookup && a->lookup->is_before)
            put_met(s, a->lookup, groups, asks, l->row);
        put_rows(s, asks ? stored : 0, asks ? n : stored, asks, a->sides.right, l->row);
        if (a->lookup && !a->lookup->is_before)
            put_met(s, a->lookup, groups, asks, l->row);
    }
}

static void group_bins(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct group_job *job = ctx;
    struct group_scratch *s = &job->scratch[thread];
    const struct arrived *a = job->a;
    for (uint64_t item = lo; item < hi; item++) {
        uint64_t stored, n = gather(job, item, s, &stored), found = 0;
        if (n == 0 || (stored == 0 && !a->lookup))
            continue;
        uint32_t groups = number_keys(s, stored, n, a->sides.right, a->lookup);
        uint32_t band = a->round.band + (uint32_t)(item / (a->round.bin_end - a->round.bin));
        if (a->lookup)
            found = look_up(s, a->lookup, band, groups, thread);
        check_number(n + found);
        list_append(&job->lists[thread], s, stored, n, found, groups, a, band);
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

void bucket_group(struct pool *pool, const struct arrived *a, struct bucket_list *lists) {
    uint64_t items = round_bins(&a->round), threads = (uint64_t)pool_threads(pool);
    struct group_job job = {a, NULL, lists, NULL};
    job.segment = bucket_segments(a->counts, a->senders, a->bands, a->bins.per_owner, a->round);
    job.scratch = mem_zero(threads, sizeof *job.scratch);
    for (uint64_t t = 0; t < threads; t++) {
        job.scratch[t].stretch = mem_alloc(a->senders, sizeof(struct stretch));
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
