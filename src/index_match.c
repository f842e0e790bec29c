#include "index_match.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/sketch.h"
#include "lshjoin/sort.h"

/* Keys of a bin while they are looked up, and the tuples that a thread has found. */
struct finder {
    uint64_t n, capacity;
    struct tuple *tuple;
    uint64_t n_keys, room; /* room: a power of two */
    uint64_t *key, *table; /* different ones; [2 * room] they hashed, 0: none */
    uint32_t *begin, *end; /* of the cell of each */
};

/* What was found for one index in one bin. */
struct piece {
    int thread;
    uint64_t at, n;
};

struct index_match {
    const struct indexes *x;
    struct pool *pool;
    bool asked;
    struct finder *finder; /* [threads] */
    uint64_t capacity;
    struct tuple *tuple; /* what goes on */
    /* Of a round: */
    const struct arrived *a;
    uint64_t *segment;   /* [senders][items + 1] where the tuples of each bin begin */
    struct piece *piece; /* [indexes][items] */
    uint64_t damaged;    /* index + 1 of one that is; 0: none */
};

static uint64_t items_of(const struct arrived *a) {
    return round_bins(&a->round);
}

static void make_room(struct finder *f, uint64_t keys) {
    if (keys <= f->room)
        return;
    for (f->room = 64; f->room < keys;)
        f->room *= 2;
    f->key = mem_grow(f->key, f->room, sizeof *f->key);
    f->begin = mem_grow(f->begin, f->room, sizeof *f->begin);
    f->end = mem_grow(f->end, f->room, sizeof *f->end);
    f->table = mem_grow(f->table, 2 * f->room, sizeof *f->table);
}

/* The different keys of a bin, whatever their roles. */
static void gather_keys(const struct index_match *m, uint64_t item, struct finder *f) {
    uint64_t items = items_of(m->a), n = 0;
    for (uint64_t from = 0; from < m->a->senders; from++) {
        const uint64_t *segment = m->segment + from * (items + 1) + item;
        n += segment[1] - segment[0];
    }
    make_room(f, n);
    f->n_keys = 0;
    if (n == 0)
        return;
    uint64_t slots = 64;
    while (slots < 2 * n)
        slots *= 2;
    memset(f->table, 0, slots * sizeof *f->table);
    for (uint64_t from = 0; from < m->a->senders; from++) {
        const uint64_t *segment = m->segment + from * (items + 1) + item;
        for (const struct tuple *t = m->a->tuples + segment[0]; t < m->a->tuples + segment[1]; t++) {
            uint64_t key = ((uint64_t)t->key_high << 32 | t->key_low) & ~BAND_ASKS;
            uint64_t slot = key >> 1 & (slots - 1);
            while (f->table[slot] && f->table[slot] != key)
                slot = (slot + 1) & (slots - 1);
            if (!f->table[slot])
                f->key[f->n_keys++] = f->table[slot] = key;
        }
    }
}

static bool is_deleted(const struct indexes *x, uint64_t row) {
    uint64_t place = sorted_place(x->deleted, x->n_deleted, row);
    return place < x->n_deleted && x->deleted[place] == row;
}

static void add(struct finder *f, uint64_t key, uint32_t row) {
    if (f->n == f->capacity) {
        f->capacity = 2 * f->capacity + 1024;
        f->tuple = mem_grow(f->tuple, f->capacity, sizeof *f->tuple);
    }
    f->tuple[f->n++] = (struct tuple){(uint32_t)(key >> 32), (uint32_t)key, row};
}

/* Where the cells of all keys begin and end. False where the table is damaged. */
static bool find_cells(const struct index_table *t, uint32_t bits, bool is_short, struct finder *f) {
    enum { AHEAD = 8 };
    const uint32_t *all = (const uint32_t *)(const void *)t->cell.data;
    for (uint64_t i = 0; i < f->n_keys; i++) {
        if (i + AHEAD < f->n_keys)
            __builtin_prefetch(all + index_place(f->key[i + AHEAD], bits, is_short).cell);
        const uint32_t *cell = h5_sealed_at(&t->cell, index_place(f->key[i], bits, is_short).cell, 2);
        if (!cell || cell[0] > cell[1] || cell[1] > t->row.n)
            return false;
        f->begin[i] = cell[0];
        f->end[i] = cell[1];
        __builtin_prefetch(t->rest.data + f->begin[i] * t->rest.item);
    }
    return true;
}

/* The records of the table that have the keys. False where it is damaged. */
static bool look_up(const struct index_match *m, const struct index *x, const struct index_table *t,
                    uint64_t role, struct finder *f) {
    bool is_short = t->rest.item == sizeof(uint16_t);
    uint32_t bits = index_cell_bits(t->row.n);
    if (!find_cells(t, bits, is_short, f))
        return false;
    for (uint64_t i = 0; i < f->n_keys; i++) {
        uint64_t wanted = index_place(f->key[i], bits, is_short).rest, n = f->end[i] - f->begin[i], lo, hi;
        const void *rest = h5_sealed_at(&t->rest, f->begin[i], n);
        if (!rest)
            return false;
        const uint16_t *narrow = rest;
        const uint64_t *wide = rest;
        for (lo = 0; lo < n && (is_short ? narrow[lo] : wide[lo] & ~BAND_ASKS) < wanted;)
            lo++;
        for (hi = lo; hi < n && (is_short ? narrow[hi] : wide[hi] & ~BAND_ASKS) == wanted;)
            hi++;
        const uint32_t *row = lo < hi ? h5_sealed_at(&t->row, f->begin[i] + lo, hi - lo) : NULL;
        if (lo < hi && !row)
            return false;
        for (uint64_t k = 0; k < hi - lo; k++)
            if (row[k] >= x->data.rows)
                return false;
            else if (m->x->n_deleted == 0 || !is_deleted(m->x, x->base + row[k]))
                add(f, f->key[i] | role, row[k]);
    }
    return true;
}

static void work(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct index_match *m = ctx;
    struct finder *f = &m->finder[thread];
    const struct arrived *a = m->a;
    uint64_t items = items_of(a), bins = a->round.bin_end - a->round.bin;
    for (uint64_t item = lo; item < hi; item++) {
        uint64_t band = a->first_band + a->round.band + item / bins;
        gather_keys(m, item, f);
        for (int i = 0; i < m->x->n; i++) {
            const struct index *x = &m->x->of[i];
            struct piece *p = &m->piece[(uint64_t)i * items + item];
            *p = (struct piece){thread, f->n, 0};
            if (!look_up(m, x, &x->stored[band], 0, f) ||
                (m->asked && x->asked && !look_up(m, x, &x->asked[band], BAND_ASKS, f)))
                __atomic_store_n(&m->damaged, (uint64_t)i + 1, __ATOMIC_RELAXED);
            p->n = f->n - p->at;
        }
    }
}

/* How much was found in each bin. Returns the sum. */
static uint64_t count_found(const struct index_match *m, uint64_t *counts) {
    const struct arrived *a = m->a;
    uint64_t items = items_of(a), bins = a->round.bin_end - a->round.bin, n = 0;
    for (uint64_t k = 0; k < (uint64_t)m->x->n * items; k++) {
        uint64_t i = k / items, band = a->round.band + k % items / bins,
                 bin = a->round.bin + k % items % bins;
        counts[(i * a->bands + band) * a->bins.per_owner + bin] = m->piece[k].n;
        n += m->piece[k].n;
    }
    return n;
}

/* What was found, in order, to `next`. */
static void collect(const struct index_match *m, struct tuple *next) {
    for (uint64_t k = 0; k < (uint64_t)m->x->n * items_of(m->a); k++) {
        const struct piece *p = &m->piece[k];
        if (p->n > 0)
            memcpy(next, m->finder[p->thread].tuple + p->at, p->n * sizeof *next);
        next += p->n;
    }
}

struct index_match *index_match_create(const struct indexes *x, struct pool *pool, bool asked) {
    struct index_match *m = mem_zero(1, sizeof *m);
    *m = (struct index_match){.x = x, .pool = pool, .asked = asked};
    m->finder = mem_zero((uint64_t)pool_threads(pool), sizeof *m->finder);
    return m;
}

void index_match_free(struct index_match *m) {
    for (int t = 0; m && t < pool_threads(m->pool); t++) {
        free(m->finder[t].tuple);
        free(m->finder[t].key);
        free(m->finder[t].table);
        free(m->finder[t].begin);
        free(m->finder[t].end);
    }
    if (m) {
        free(m->finder);
        free(m->tuple);
    }
    free(m);
}

const struct tuple *index_match_round(struct index_match *m, const struct arrived *a, bool after,
                                      uint64_t *counts, struct error *e) {
    m->a = a;
    m->damaged = 0;
    for (int t = 0; t < pool_threads(m->pool); t++)
        m->finder[t].n = 0;
    m->segment = bucket_segments(a->counts, a->senders, a->bands, a->bins.per_owner, a->round);
    uint64_t came = m->segment[a->senders * (items_of(a) + 1) - 1];
    m->piece = mem_alloc((uint64_t)m->x->n * items_of(a), sizeof *m->piece);
    pool_for(m->pool, items_of(a), 1, work, m);
    if (m->damaged)
        error_set(e, EX_DATAERR, "%s: is damaged: the checksum of a band's keys is wrong, or what they say",
                  m->x->of[m->damaged - 1].file);
    uint64_t found = count_found(m, counts);
    if (came + found > m->capacity) {
        free(m->tuple);
        m->capacity = came + found + (came + found) / 4;
        m->tuple = mem_alloc(m->capacity, sizeof *m->tuple);
    }
    collect(m, m->tuple + (after ? came : 0));
    if (came > 0)
        memcpy(m->tuple + (after ? 0 : found), a->tuples, came * sizeof *m->tuple);
    free(m->piece);
    free(m->segment);
    return m->tuple;
}

struct sketch_job {
    const struct indexes *x;
    const struct shard *shard;
    const uint64_t *rows;
    uint64_t n, damaged; /* index + 1 of one that is; 0: none */
    uint64_t *sketch;
};

static void take_sketches(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    enum { AHEAD = 16 };
    (void)thread;
    struct sketch_job *job = ctx;
    size_t bytes = job->x->of[0].sketch.item;
    for (uint64_t k = lo; k < hi; k++) {
        if (k + AHEAD < hi && !shard_holds(job->shard, job->rows[k + AHEAD])) {
            const struct index *far =
                indexes_find(job->x, job->rows[k + AHEAD] - shard_first_old(job->shard));
            __builtin_prefetch(far->sketch.data +
                               (job->rows[k + AHEAD] - shard_first_old(job->shard) - far->base) * bytes);
        }
        if (shard_holds(job->shard, job->rows[k]))
            continue;
        uint64_t row = job->rows[k] - shard_first_old(job->shard);
        const struct index *x = indexes_find(job->x, row);
        const void *sketch = h5_sealed_at(&x->sketch, row - x->base, 1);
        if (sketch)
            memcpy((char *)job->sketch + k * bytes, sketch, bytes);
        else
            __atomic_store_n(&job->damaged, (uint64_t)(x - job->x->of) + 1, __ATOMIC_RELAXED);
    }
}

void index_sketches(const struct indexes *x, struct pool *pool, const struct shard *shard,
                    const uint64_t *rows, uint64_t n, uint64_t *sketch, struct error *e) {
    enum { CHUNK = 4096 };
    struct sketch_job job = {x, shard, rows, n, 0, sketch};
    pool_for(pool, n, CHUNK, take_sketches, &job);
    if (job.damaged)
        error_set(e, EX_DATAERR, "%s: /sketch: is damaged: a checksum is wrong", x->of[job.damaged - 1].file);
}
