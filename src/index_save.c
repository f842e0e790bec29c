#include "index_save.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "directory.h"
#include "disk.h"
#include "h5_create.h"
#include "h5_strings.h"
#include "index_about.h"
#include "lshjoin/sketch.h"
#include "lshjoin/sort.h"
#include "output.h"
#include "owner.h"
#include "sketch_join.h"

enum { NAME = 4096 + 32 };

static void path_of(const struct options *o, bool part, char path[NAME]) {
    snprintf(path, NAME, "%s/%s", o->save_index, part ? ".index.h5.part" : "index.h5");
}

int index_save_prepare(struct comm *c, const struct options *o, const struct indexes *old, struct error *e) {
    char path[NAME];
    int lock = -1;
    if (!o->save_index)
        return lock;
    if (comm_rank(c) == 0 && !directory_make(o->save_index, e)) {
        if (!directory_is(o->output, o->save_index)) /* which has its lock */
            lock = directory_lock(o->save_index, e);
        path_of(o, false, path);
        output_check_file(path, o->force || o->resume, o, old, e); /* see index_save_admit */
        path_of(o, true, path);
        if (!e->status && unlink(path) != 0 && errno != ENOENT)
            error_set(e, EX_CANTCREAT, "%s: cannot be replaced: %s", path, strerror(errno));
    }
    comm_failed(c, e);
    return lock;
}

struct save {
    struct comm *c;
    struct pool *pool;
    const struct options *o;
    const struct inputs *in;
    const struct plan *plan;
    struct metrics *metrics;
    struct sketching sketching; /* where bands read sketches, */
    struct sketches sketches;
    struct signatures signatures; /* or words */
    struct h5_new *file;
};

/* A list in memory, of which this rank has a part. */
static int fill(void *ctx, uint64_t at, uint64_t n, void *out, struct error *e) {
    const struct records *r = ctx;
    if (n > 0)
        memcpy(out, (const char *)r->data + at * r->width * r->item, n * r->width * r->item);
    return e->status;
}

/* Collective. This rank's n items, of `width` numbers each, follow those of lower ranks. */
static int write_list(struct save *s, const char *path, enum h5_type type, uint64_t width, const void *data,
                      uint64_t n, struct error *e) {
    struct records mine = {
        .n = n, .item = h5_type_bytes(type), .width = width, .data = (void *)(uintptr_t)data};
    struct h5_part part = {.path = path,
                           .type = type,
                           .rank = width > 1 ? 2 : 1,
                           .rows = n,
                           .width = width,
                           .first = comm_sum_before(s->c, n),
                           .n = n,
                           .memory = s->o->round_bytes / 4,
                           .fill = fill,
                           .ctx = &mine};
    comm_sum(s->c, &part.rows, 1);
    return h5_new_sealed(s->file, &part, e);
}

static struct band_keys make_keys(struct save *s, uint32_t band, uint32_t band_end) {
    metrics_stage(s->metrics, STAGE_SIGN);
    if (s->plan->drawing.symbol_bits)
        return sketches_keys(&s->sketches, &s->sketching, s->pool, band, band_end);
    const struct drawing part = drawing_part(&s->plan->drawing, band, band_end);
    s->signatures =
        signatures_create(s->pool, s->in->family, &s->in->records, &part, UINT64_MAX, false, NULL, NULL);
    return s->signatures.keys;
}

static void free_keys(struct save *s, struct band_keys *keys) {
    if (s->plan->drawing.symbol_bits)
        free(keys->key);
    else
        signatures_free(&s->signatures);
}

/* The keys of a band that this rank owns, with their rows, as they come. */
struct owned {
    uint64_t n, capacity;
    struct u64_pair *key;
};

/* Add the tuples of a band that have come in a round. */
static void add_band(struct owned *k, const struct owner *o, const struct round *round, uint32_t band,
                     const struct tuple *tuples, const uint64_t *segments) {
    const uint64_t *start = o->shard->start, bins = round->bin_end - round->bin;
    for (int from = 0; from < o->shard->ranks; from++) {
        const uint64_t *segment =
            segments + (uint64_t)from * (round_bins(round) + 1) + (band - round->band) * bins;
        const struct tuple *t = tuples + segment[0], *end = tuples + segment[bins];
        uint64_t n = k->n + (uint64_t)(end - t);
        if (n > k->capacity) {
            k->capacity = 2 * n;
            k->key = mem_grow(k->key, k->capacity, sizeof *k->key);
        }
        for (; t < end; t++)
            k->key[k->n++] =
                (struct u64_pair){(uint64_t)t->key_high << 32 | t->key_low, start[from] - start[0] + t->row};
    }
}

/* Move those of a role to the front; the rest is behind. Returns how many. */
static uint64_t put_stored_first(struct owned *k) {
    uint64_t stored = 0;
    for (uint64_t i = 0; i < k->n; i++)
        if (!(k->key[i].first & BAND_ASKS)) {
            struct u64_pair other = k->key[stored];
            k->key[stored++] = k->key[i];
            k->key[i] = other;
        }
    return stored;
}

/* Where this rank's part of the cells' begins is: those of cells that begin in its range of keys, and at the
 * last rank the end of all. */
static uint64_t first_cell(const struct save *s, uint64_t rank, uint32_t bits) {
    uint64_t cells = (uint64_t)1 << bits, ranks = (uint64_t)comm_size(s->c);
    /* the first key of the rank's is the least with floor(key * ranks / 2^64) == rank */
    unsigned __int128 least = (((unsigned __int128)rank << 64) + ranks - 1) / ranks;
    unsigned __int128 cell = ((least << bits) + (((unsigned __int128)1 << 64) - 1)) >> 64;
    return rank == ranks ? cells : (uint64_t)cell;
}

/* By key; rows of one key rise; of sketches those of what looks alike in the index, too. */
static void sort_keys(const struct save *s, uint32_t bits, struct u64_pair *key, uint64_t n) {
    if (s->plan->drawing.symbol_bits)
        for (uint64_t i = 0; i < n; i++)
            key[i].first &= ~(uint64_t)0 << (64 - 16 - bits);
    struct u64_pair *scratch = mem_alloc(n, sizeof *scratch);
    sort_pairs(s->pool, key, scratch, n);
    free(scratch);
}

/* Collective. Where the cells begin that are this rank's (first_cell). */
static void write_cells(struct save *s, const char *path, uint32_t bits, const struct u64_pair *key,
                        uint64_t n, uint64_t before, uint64_t all, struct error *e) {
    uint64_t rank = (uint64_t)comm_rank(s->c), from = first_cell(s, rank, bits),
             cells = first_cell(s, rank + 1, bits) - from, at = 0;
    uint32_t *cell = mem_alloc(cells + 1, sizeof *cell);
    for (uint64_t k = 0; k < cells; k++) {
        while (at < n && index_place(key[at].first, bits, false).cell < from + k)
            at++;
        cell[k] = (uint32_t)(before + at);
    }
    cell[cells] = (uint32_t)all;
    write_list(s, path, H5_UINT32, 1, cell, cells + (rank + 1 == (uint64_t)comm_size(s->c)), e);
    free(cell);
}

/* Collective. What is left of each key, as 16 bits or whole. */
static void write_rests(struct save *s, const char *path, uint32_t bits, const struct u64_pair *key,
                        uint64_t n, struct error *e) {
    bool is_short = s->plan->drawing.symbol_bits > 0;
    void *rest = mem_alloc(n, is_short ? sizeof(uint16_t) : sizeof(uint64_t));
    for (uint64_t i = 0; i < n; i++)
        if (is_short)
            ((uint16_t *)rest)[i] = (uint16_t)index_place(key[i].first, bits, true).rest;
        else
            ((uint64_t *)rest)[i] = index_place(key[i].first, bits, false).rest;
    write_list(s, path, is_short ? H5_UINT16 : H5_UINT64, 1, rest, n, e);
    free(rest);
}

static void write_rows(struct save *s, const char *path, const struct u64_pair *key, uint64_t n,
                       struct error *e) {
    uint32_t *row = mem_alloc(n, sizeof *row);
    for (uint64_t i = 0; i < n; i++)
        row[i] = (uint32_t)key[i].second;
    write_list(s, path, H5_UINT32, 1, row, n, e);
    free(row);
}

/* Collective. One role's keys of a band: sorted, and as three lists. */
static int write_table(struct save *s, uint32_t band, bool asked, struct u64_pair *key, uint64_t n,
                       struct error *e) {
    uint64_t all = n, before = comm_sum_before(s->c, n);
    comm_sum(s->c, &all, 1);
    uint32_t bits = index_cell_bits(all);
    char path[64];
    sort_keys(s, bits, key, n);
    index_path(path, band, asked, "cell");
    write_cells(s, path, bits, key, n, before, all, e);
    index_path(path, band, asked, "rest");
    if (!e->status)
        write_rests(s, path, bits, key, n, e);
    index_path(path, band, asked, "row");
    if (!e->status)
        write_rows(s, path, key, n, e);
    return e->status;
}

static int write_band(struct save *s, uint32_t band, struct owned *k, bool asks, struct error *e) {
    metrics_stage(s->metrics, STAGE_WRITE);
    uint64_t stored = put_stored_first(k), sums[] = {stored, k->n - stored};
    comm_sum(s->c, sums, 2);
    if (sums[0] > UINT32_MAX || sums[1] > UINT32_MAX)
        return error_set(
            e, EX_DATAERR,
            "--save-index: more than 2^32-1 keys in a band: save several indexes of parts of the data");
    if (!write_table(s, band, false, k->key, stored, e) && asks)
        write_table(s, band, true, k->key + stored, k->n - stored, e);
    k->n = 0;
    return e->status;
}

/* Collective. Bands [band, band_end) from keys to lists. */
static int write_bands(struct save *s, uint32_t band, uint32_t band_end, struct error *e) {
    struct band_keys keys = make_keys(s, band, band_end);
    struct owner owner = {.comm = s->c,
                          .pool = s->pool,
                          .shard = &s->in->shard,
                          .keys = &keys,
                          .metrics = s->metrics,
                          .keeps_giants = true};
    struct owned owned = {0};
    owner_open(&owner, s->o->round_bytes);
    for (uint64_t r = 0; r < owner.n_rounds && !e->status; r++) {
        const struct round *round = &owner.rounds[r];
        uint64_t n;
        struct tuple *tuples = owner_exchange(&owner, r, &n);
        uint64_t *segments = bucket_segments(owner.n_received, (uint64_t)comm_size(s->c), keys.bands,
                                             owner.bins.per_owner, *round);
        for (uint32_t b = round->band; b < round->band_end && !e->status; b++) {
            add_band(&owned, &owner, round, b, tuples, segments);
            if (round->bin_end == owner.bins.per_owner)
                write_band(s, band + b, &owned, keys.variants > 1, e);
        }
        free(segments);
        free(tuples);
        comm_failed(s->c, e);
    }
    owner_close(&owner);
    free(owned.key);
    free_keys(s, &keys);
    metrics_progress(s->metrics, (double)band_end / s->plan->drawing.bands, band_end);
    return e->status;
}

static void sketch(struct save *s) {
    metrics_stage(s->metrics, STAGE_SIGN);
    s->sketching = sketching_create(&s->plan->drawing, cpu_simd());
    s->sketches = sketches_create(s->pool, s->in->family, &s->in->records, &s->plan->drawing, NULL, NULL);
}

/* Rank 0. What the index says of itself, to free. */
static char *say_about(const struct save *s, struct error *e) {
    const struct input *of = &s->in->of[0];
    struct stat info;
    char *about = NULL;
    if (stat(of->file, &info) != 0)
        error_set(e, EX_NOINPUT, "%s: is gone: %s", of->file, strerror(errno));
    else if (!(about = index_about_write(s->o, s->in, s->plan, (uint64_t)info.st_size)))
        error_set(e, EX_DATAERR,
                  "%s: %s: an index cannot tell of these names, which are not UTF-8: name them otherwise",
                  of->file, of->object);
    return about;
}

/* Whether an index that is there says the same of itself, which rank 0 knows, and of this rank's records. */
static bool is_same(const struct save *s, const char *file, const char *about) {
    struct h5_map map = {0};
    struct h5_sealed said = {0}, hash = {0};
    struct error ignored = {0};
    const struct shard *shard = &s->in->shard;
    uint64_t first = shard->start[shard->rank] - shard->start[0], n = s->in->records.n;
    bool same = !h5_map_open(&map, file, &ignored) && h5_exists(map.file_id, "/about") &&
                h5_exists(map.file_id, "/hash") && !h5_sealed_open(&said, &map, "/about", 1, &ignored) &&
                !h5_sealed_open(&hash, &map, "/hash", sizeof *s->in->hash, &ignored);
    const void *text = same && about ? h5_sealed_at(&said, 0, said.n) : NULL,
               *hashes = same && n > 0 ? h5_sealed_at(&hash, first, n) : NULL;
    same &= !about || (text && said.n == strlen(about) && memcmp(text, about, said.n) == 0);
    same &= n == 0 || (hashes && memcmp(hashes, s->in->hash, n * sizeof *s->in->hash) == 0);
    h5_sealed_close(&said);
    h5_sealed_close(&hash);
    h5_map_close(&map);
    return same;
}

int index_save_admit(struct comm *c, const struct options *o, const struct inputs *in,
                     const struct plan *plan, struct error *e) {
    struct save s = {.c = c, .o = o, .in = in, .plan = plan};
    char whole[NAME];
    if (!o->save_index)
        return 0;
    path_of(o, false, whole);
    if (in->of[0].rows > SHARD_MAX_LOCAL)
        error_set(e, EX_DATAERR,
                  "--save-index: %llu rows: an index has at most 2^32-1: save several, of parts of the data",
                  (unsigned long long)in->of[0].rows);
    char *about = comm_rank(c) == 0 ? say_about(&s, e) : NULL;
    uint64_t differs = !e->status && !o->force && access(whole, F_OK) == 0 && !is_same(&s, whole, about);
    free(about);
    comm_max(c, &differs, 1);
    if (differs)
        error_set(e, EX_CANTCREAT,
                  "%s: is there already, of other data or by another plan: --force replaces it", whole);
    comm_failed(c, e);
    return e->status;
}

/* Collective. `about` is rank 0's. */
static int write_all(struct save *s, const char *about, uint32_t together, struct error *e) {
    const struct drawing *d = &s->plan->drawing;
    uint64_t rows = s->in->records.n, most_rows = rows;
    if (!write_list(s, "/about", H5_UINT8, 1, about, about ? strlen(about) : 0, e))
        write_list(s, "/hash", H5_UINT64, 2, s->in->hash, rows, e);
    if (d->symbol_bits) {
        sketch(s);
        metrics_stage(s->metrics, STAGE_WRITE);
        if (!e->status)
            write_list(s, "/sketch", H5_UINT64, sketch_words(d), s->sketches.words.data, rows, e);
        comm_max(s->c, &most_rows, 1);
        together = sketch_join_bands(most_rows, (uint64_t)comm_size(s->c), s->o->round_bytes, d->bands);
    }
    for (uint32_t band = 0; band < d->bands && !e->status; band += together)
        write_bands(s, band, (uint32_t)min_u64(d->bands, (uint64_t)band + together), e);
    if (d->symbol_bits) {
        sketching_free(&s->sketching);
        sketches_free(&s->sketches);
    }
    return e->status;
}

int index_save(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
               const struct plan *plan, uint32_t bands, struct metrics *m, struct error *e) {
    struct save s = {.c = c, .pool = pool, .o = o, .in = in, .plan = plan, .metrics = m};
    char part[NAME], whole[NAME];
    path_of(o, true, part);
    path_of(o, false, whole);
    metrics_stage(m, STAGE_WRITE);
    metrics_phase(m, "index", "bands");
    char *about = comm_rank(c) == 0 ? say_about(&s, e) : NULL;
    if (!comm_failed(c, e) && (s.file = h5_new_create_aligned(c, part, e)) != NULL) {
        write_all(&s, about, bands, e);
        h5_new_close(s.file, e);
    }
    if (comm_rank(c) == 0 && !e->status) {
        bool is_named = disk_name(part, whole) == 0; /* else an earlier one stays */
        if (!is_named || disk_sync(o->save_index) != 0)
            error_set(e, EX_IOERR, "%s: cannot be finished: %s", whole, strerror(errno));
        if (is_named && e->status)
            unlink(whole);
    }
    if (comm_rank(c) == 0 && e->status)
        unlink(part);
    free(about);
    comm_failed(c, e);
    return e->status;
}
