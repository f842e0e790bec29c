#include "lshjoin/screen.h"

#include <stdlib.h>

#include "lshjoin/base.h"
#include "lshjoin/units.h"

enum {
    TILE = 256,          /* rows of a bucket that meet as many others in one unit of work */
    STRETCH = 128,       /* of these, whose sketches stay in the first-level cache */
    UNIT_PAIRS = 1 << 15 /* that small buckets make up together */
};

/* Buckets [bucket, bucket_end) of the portion, or a tile of one. */
struct unit {
    uint64_t bucket, bucket_end;
    uint32_t x, y;
};

struct screen {
    const struct sketching *sketching;
    const struct shard *shard;
    bool exclusive;

    const struct bucket_list *lists;
    int n_lists;
    uint32_t first_band;

    /* The portion: buckets [bucket, bucket_end) of list number `list`, and their rows. */
    int list;
    uint64_t bucket, bucket_end, n_rows, row_capacity, *row;
    const uint64_t *sketch;

    struct unit *unit; /* [n_units] */
    uint64_t n_units, unit_capacity;
    struct units *units;
};

struct screen *screen_create(struct pool *pool, const struct sketching *sketching, const struct shard *shard,
                             bool exclusive) {
    struct screen *s = mem_zero(1, sizeof *s);
    s->sketching = sketching;
    s->shard = shard;
    s->exclusive = exclusive;
    s->units = units_create(pool, sizeof(struct u64_pair));
    return s;
}

void screen_free(struct screen *s) {
    units_free(s->units);
    free(s->row);
    free(s->unit);
    free(s);
}

void screen_begin(struct screen *s, const struct bucket_list *lists, int n_lists, uint32_t first_band) {
    s->lists = lists;
    s->n_lists = n_lists;
    s->first_band = first_band;
    s->list = 0;
    s->bucket = s->bucket_end = s->n_units = 0;
}

static const struct bucket *bucket_at(const struct screen *s, uint64_t bucket) {
    return &s->lists[s->list].bucket[bucket];
}

static void add_unit(struct screen *s, struct unit unit) {
    if (s->n_units == s->unit_capacity) {
        s->unit_capacity = 2 * s->unit_capacity + 64;
        s->unit = mem_grow(s->unit, s->unit_capacity, sizeof *s->unit);
    }
    s->unit[s->n_units++] = unit;
}

static void cut_into_tiles(struct screen *s, uint64_t bucket) {
    const struct bucket *b = bucket_at(s, bucket);
    for (uint64_t x = 0; x < b->left; x += TILE)
        for (uint64_t y = max_u64(x, b->right / TILE * TILE); y < b->size; y += TILE)
            add_unit(s, (struct unit){bucket, bucket + 1, (uint32_t)x, (uint32_t)y});
}

/* Small buckets together, large ones tile by tile. */
static void make_units(struct screen *s) {
    struct unit small = {s->bucket, s->bucket, 0, 0};
    uint64_t pairs = 0;
    s->n_units = 0;
    for (uint64_t b = s->bucket; b < s->bucket_end; b++) {
        bool is_large = bucket_at(s, b)->size > TILE;
        pairs += is_large ? 0 : bucket_pairs(bucket_at(s, b));
        if (!is_large)
            small.bucket_end = b + 1;
        if ((is_large || pairs >= UNIT_PAIRS || b + 1 == s->bucket_end) && small.bucket < small.bucket_end) {
            add_unit(s, small);
            pairs = 0;
        }
        if (is_large)
            cut_into_tiles(s, b);
        if (is_large || pairs == 0)
            small.bucket = small.bucket_end = b + 1;
    }
}

static void take_rows(struct screen *s) {
    const struct bucket_list *l = &s->lists[s->list];
    const struct bucket *last = &l->bucket[s->bucket_end - 1];
    uint64_t first = l->bucket[s->bucket].first;
    s->n_rows = last->first + last->size - first;
    if (s->n_rows > s->row_capacity) {
        free(s->row);
        s->row_capacity = s->n_rows + s->n_rows / 4;
        s->row = mem_alloc(s->row_capacity, sizeof *s->row);
    }
    for (uint64_t i = 0; i < s->n_rows; i++)
        s->row[i] = l->row[first + i] >> 1;
}

const uint64_t *screen_portion(struct screen *s, uint64_t most, uint64_t *n) {
    s->bucket = s->bucket_end;
    while (s->list < s->n_lists && s->bucket == s->lists[s->list].n) {
        s->list++;
        s->bucket = 0;
    }
    *n = s->n_units = 0;
    units_begin(s->units, 0);
    s->bucket_end = s->bucket;
    if (s->list == s->n_lists)
        return NULL;
    for (uint64_t rows = 0; s->bucket_end < s->lists[s->list].n; s->bucket_end++) {
        rows += bucket_at(s, s->bucket_end)->size;
        if (rows > most && s->bucket_end > s->bucket)
            break;
    }
    take_rows(s);
    make_units(s);
    units_begin(s->units, s->n_units);
    *n = s->n_rows;
    return s->row;
}

static void add_found(struct finds *f, const uint64_t *row, uint32_t x, const uint32_t *place, uint32_t n,
                      uint64_t unequal) {
    struct u64_pair *pair = finds_room(f, n), *first = pair;
    for (uint32_t k = 0; k < n; k++)
        if (row[x] + unequal != row[place[k]])
            *pair++ = (struct u64_pair){row[x], row[place[k]]};
    f->n += (uint64_t)(pair - first);
}

/* The pairs of x in [x, x_end) with y in [y, y_end), y > x: places in a bucket whose rows rise. */
static void meet(const struct screen *s, const uint64_t *row, const uint64_t *sketch, uint32_t band,
                 uint32_t x, uint32_t x_end, uint32_t y, uint32_t y_end, struct finds *found) {
    uint32_t words = s->sketching->words, place[STRETCH];
    uint64_t unequal = s->exclusive ? s->shard->split : 0; /* no row is its own partner anyway */
    for (; y < y_end; y += STRETCH) {
        uint32_t stop = (uint32_t)min_u64(y_end, (uint64_t)y + STRETCH);
        for (uint32_t i = x; i < x_end && i + 1 < stop; i++) {
            uint32_t from = (uint32_t)max_u64(y, i + 1);
            uint32_t n = sketch_candidates(s->sketching, sketch + (uint64_t)i * words,
                                           sketch + (uint64_t)from * words, stop - from, band, place);
            found->looked += stop - from;
            for (uint32_t k = 0; k < n; k++)
                place[k] += from;
            if (n > 0)
                add_found(found, row, i, place, n, unequal);
        }
    }
}

static void work(void *ctx, uint64_t number, int thread, struct finds *found) {
    (void)thread;
    const struct screen *s = ctx;
    const struct unit *unit = &s->unit[number];
    uint64_t base = bucket_at(s, s->bucket)->first;
    for (uint64_t b = unit->bucket; b < unit->bucket_end; b++) {
        const struct bucket *bucket = bucket_at(s, b);
        const uint64_t *row = s->row + (bucket->first - base);
        const uint64_t *sketch = s->sketch + (bucket->first - base) * s->sketching->words;
        uint32_t x_end = (uint32_t)min_u64(bucket->left, (uint64_t)unit->x + TILE);
        uint32_t y = (uint32_t)max_u64(bucket->right, unit->y);
        uint32_t y_end = (uint32_t)min_u64(bucket->size, (uint64_t)unit->y + TILE);
        meet(s, row, sketch, s->first_band + bucket->band, unit->x, x_end, y, y_end, found);
    }
}

const struct u64_pair *screen_next(struct screen *s, const uint64_t *sketch, uint64_t most, uint64_t *n,
                                   uint64_t *copies, bool *more) {
    s->sketch = sketch;
    const struct u64_pair *pairs = units_next(s->units, most, work, s, n, copies);
    *more = units_left(s->units);
    return pairs;
}
