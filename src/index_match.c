#include "index_match.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/sketch.h"
#include "lshjoin/sort.h"

/* What a thread finds in a list. */
struct finder {
    uint64_t room, row_room;
    uint32_t *begin; /* [room] where the cell of each key begins */
    uint32_t *row;   /* [row_room] where records are deleted: those that are left */
};

struct index_match {
    const struct indexes *x;
    struct pool *pool;
    struct lookup lookup;
    uint64_t *start;
    bool *asks;
    uint32_t first_band;
    struct finder *finder; /* [threads][lists] */
    uint64_t damaged;      /* index + 1 of one that is; 0: none */
};

/* An index has one list of those that store and, where any do, one of those that ask. */
static int roles_of(const struct index_match *m) {
    return m->lookup.lists / m->x->n;
}

static bool is_deleted(const struct indexes *x, uint64_t row) {
    uint64_t place = sorted_place(x->deleted, x->n_deleted, row);
    return place < x->n_deleted && x->deleted[place] == row;
}

/* A table that is looked at. */
struct view {
    const struct index_table *table;
    uint64_t rows; /* that its numbers are below */
    uint32_t bits;
    bool is_short;
};

/* Where the cells of all keys begin, and how much they hold. False where the table is damaged. */
static bool find_cells(const struct view *v, const uint64_t *key, uint64_t n, uint32_t *begin,
                       struct met *met) {
    enum { AHEAD = 8 };
    const struct index_table *t = v->table;
    const uint32_t *all = (const uint32_t *)(const void *)t->cell.data;
    for (uint64_t i = 0; i < n; i++) {
        if (i + AHEAD < n)
            __builtin_prefetch(all + index_place(key[i + AHEAD], v->bits, v->is_short).cell);
        const uint32_t *cell = h5_sealed_at(&t->cell, index_place(key[i], v->bits, v->is_short).cell, 2);
        if (!cell)
            return false;
        begin[i] = cell[0];
        met[i].n = cell[1] - cell[0]; /* where these lie, the list does not reach so far (find_keys) */
        __builtin_prefetch(t->rest.data + begin[i] * t->rest.item);
    }
    return true;
}

/* Of each cell what has the key. False where the table is damaged. */
static bool find_keys(const struct view *v, const uint64_t *key, uint64_t n, const uint32_t *begin,
                      struct met *met) {
    const struct index_table *t = v->table;
    const uint32_t *all = (const uint32_t *)(const void *)t->row.data;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t wanted = index_place(key[i], v->bits, v->is_short).rest, end = met[i].n, lo, hi;
        const void *rest = h5_sealed_at(&t->rest, begin[i], end);
        if (!rest)
            return false;
        const uint16_t *narrow = rest;
        const uint64_t *wide = rest;
        for (lo = 0; lo < end && (v->is_short ? narrow[lo] : wide[lo] & ~BAND_ASKS) < wanted;)
            lo++;
        for (hi = lo; hi < end && (v->is_short ? narrow[hi] : wide[hi] & ~BAND_ASKS) == wanted;)
            hi++;
        met[i] = (struct met){all + begin[i] + lo, hi - lo};
        __builtin_prefetch(met[i].row);
    }
    return true;
}

static bool check_rows(const struct view *v, uint64_t n, const struct met *met) {
    const uint32_t *all = (const uint32_t *)(const void *)v->table->row.data;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t highest = 0;
        if (met[i].n == 0)
            continue;
        if (!h5_sealed_at(&v->table->row, (uint64_t)(met[i].row - all), met[i].n))
            return false;
        for (uint64_t k = 0; k < met[i].n; k++)
            highest = met[i].row[k] > highest ? met[i].row[k] : highest;
        if (highest >= v->rows)
            return false;
    }
    return true;
}

/* Those that are left go to lists of our own. */
static void drop_deleted(const struct index_match *m, uint64_t base, struct finder *f, uint64_t n,
                         struct met *met) {
    uint64_t most = 0;
    for (uint64_t i = 0; i < n; i++)
        most += met[i].n;
    if (most > f->row_room) {
        free(f->row);
        f->row_room = 2 * most;
        f->row = mem_alloc(f->row_room, sizeof *f->row);
    }
    uint32_t *next = f->row;
    for (uint64_t i = 0; i < n; i++) {
        const struct met all = met[i];
        met[i] = (struct met){next, 0};
        for (uint64_t k = 0; k < all.n; k++)
            if (!is_deleted(m->x, base + all.row[k]))
                next[met[i].n++] = all.row[k];
        next += met[i].n;
    }
}

static const struct index_table *table_of(const struct index_match *m, int list, uint32_t band) {
    const struct index *x = &m->x->of[list / roles_of(m)];
    return (m->asks[list] ? x->asked : x->stored) + m->first_band + band;
}

static void find(void *ctx, int list, uint32_t band, const uint64_t *key, uint64_t n, int thread,
                 struct met *met) {
    struct index_match *m = ctx;
    const struct index *x = &m->x->of[list / roles_of(m)];
    const struct index_table *t = table_of(m, list, band);
    const struct view v = {t, x->data.rows, index_cell_bits(t->row.n), t->rest.item == sizeof(uint16_t)};
    struct finder *f = &m->finder[thread * m->lookup.lists + list];
    if (n > f->room) {
        free(f->begin);
        f->room = 2 * n;
        f->begin = mem_alloc(f->room, sizeof *f->begin);
    }
    if (!find_cells(&v, key, n, f->begin, met) || !find_keys(&v, key, n, f->begin, met) ||
        !check_rows(&v, n, met)) {
        __atomic_store_n(&m->damaged, (uint64_t)(x - m->x->of) + 1, __ATOMIC_RELAXED);
        memset(met, 0, n * sizeof *met);
    } else if (m->x->n_deleted > 0) {
        drop_deleted(m, x->base, f, n, met);
    }
}

struct index_match *index_match_create(const struct indexes *x, struct pool *pool, const struct shard *shard,
                                       uint32_t first_band) {
    struct index_match *m = mem_zero(1, sizeof *m);
    int roles = shard->self_join && x->of[0].asked ? 2 : 1, lists = roles * x->n;
    m->x = x;
    m->pool = pool;
    m->first_band = first_band;
    m->finder = mem_zero((uint64_t)(pool_threads(pool) * lists), sizeof *m->finder);
    m->start = mem_alloc((uint64_t)lists, sizeof *m->start);
    m->asks = mem_alloc((uint64_t)lists, sizeof *m->asks);
    for (int list = 0; list < lists; list++) {
        m->start[list] = shard_first_old(shard) + x->of[list / roles].base;
        m->asks[list] = list % roles;
    }
    m->lookup = (struct lookup){lists, m->start, m->asks, shard_first_old(shard) == 0, find, m};
    return m;
}

void index_match_free(struct index_match *m) {
    for (int k = 0; m && k < pool_threads(m->pool) * m->lookup.lists; k++) {
        free(m->finder[k].begin);
        free(m->finder[k].row);
    }
    if (m) {
        free(m->finder);
        free(m->start);
        free(m->asks);
    }
    free(m);
}

const struct lookup *index_match_lookup(const struct index_match *m) {
    return &m->lookup;
}

int index_match_check(const struct index_match *m, struct error *e) {
    if (m->damaged)
        error_set(e, EX_DATAERR, "%s: is damaged: the checksum of a band's keys is wrong, or what they say",
                  m->x->of[m->damaged - 1].file);
    return e->status;
}

void index_match_leave(const struct index_match *m, uint32_t band) {
    for (int list = 0; list < m->lookup.lists; list++) {
        const struct index_table *t = table_of(m, list, band);
        const struct h5_map *map = &m->x->of[list / roles_of(m)].map;
        h5_sealed_leave(&t->cell, map);
        h5_sealed_leave(&t->rest, map);
        h5_sealed_leave(&t->row, map);
    }
}

struct sketch_job {
    const struct indexes *x;
    const struct shard *shard;
    const uint64_t *rows;
    uint64_t n, damaged; /* index + 1 of one that is; 0: none */
    uint64_t *sketch;
};

/* Rows of one index mostly follow each other: x is the one of the last. NULL for a row that a rank holds. */
static const struct index *old_of(const struct sketch_job *job, uint64_t row, const struct index *x) {
    if (row >= job->x->rows)
        return NULL;
    return row - x->base < x->data.rows ? x : indexes_find(job->x, row);
}

static void take_sketches(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    enum { AHEAD = 16 };
    (void)thread;
    struct sketch_job *job = ctx;
    const struct index *far = job->x->of, *x = far, *next;
    size_t words = x->sketch.item / sizeof *job->sketch;
    uint64_t first_old = shard_first_old(job->shard);
    for (uint64_t k = lo; k < hi; k++) {
        uint64_t ahead = k + AHEAD < hi ? job->rows[k + AHEAD] - first_old : UINT64_MAX;
        uint64_t row = job->rows[k] - first_old, *out = job->sketch + k * words;
        if ((next = old_of(job, ahead, far))) {
            far = next;
            __builtin_prefetch(far->sketch.data + (ahead - far->base) * words * sizeof *out);
        }
        if (!(next = old_of(job, row, x)))
            continue;
        x = next;
        const uint64_t *sketch = h5_sealed_at(&x->sketch, row - x->base, 1);
        if (sketch)
            for (size_t w = 0; w < words; w++)
                out[w] = sketch[w];
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
