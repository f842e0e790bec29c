#include "index.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "h5_strings.h"
#include "index_about.h"
#include "lshjoin/law.h"
#include "lshjoin/sketch.h"

uint32_t index_cell_bits(uint64_t keys) {
    const uint64_t in_a_cell = 8;
    uint32_t bits = 0;
    while (bits < 28 && keys >> bits > in_a_cell)
        bits++;
    return bits;
}

struct index_place index_place(uint64_t key, uint32_t cell_bits, bool is_short) {
    uint64_t cell = cell_bits ? key >> (64 - cell_bits) : 0;
    return (struct index_place){cell, is_short ? key << cell_bits >> 48 : key};
}

void index_path(char path[64], uint32_t band, bool asked, const char *list) {
    snprintf(path, 64, "/band/%05" PRIu32 "/%s/%s", band, asked ? "asked" : "stored", list);
}

static int open_table(struct index_table *t, const struct index *x, uint32_t band, bool asked, bool is_short,
                      struct error *e) {
    char path[64];
    index_path(path, band, asked, "cell");
    h5_sealed_open(&t->cell, &x->map, path, sizeof(uint32_t), e);
    index_path(path, band, asked, "rest");
    h5_sealed_open(&t->rest, &x->map, path, is_short ? sizeof(uint16_t) : sizeof(uint64_t), e);
    index_path(path, band, asked, "row");
    h5_sealed_open(&t->row, &x->map, path, sizeof(uint32_t), e);
    if (!e->status && (t->rest.n != t->row.n || t->cell.n != ((uint64_t)1 << index_cell_bits(t->row.n)) + 1))
        error_set(e, EX_DATAERR, "%s: is damaged: lists of band %" PRIu32 " do not fit each other", x->file,
                  band);
    return e->status;
}

static int open_lists(struct index *x, const struct drawing *d, bool asks, struct error *e) {
    uint64_t rows = x->data.rows;
    if (h5_sealed_open(&x->hash, &x->map, "/hash", sizeof(struct row_hash), e))
        return e->status;
    if (d->symbol_bits &&
        h5_sealed_open(&x->sketch, &x->map, "/sketch", sketch_words(d) * sizeof(uint64_t), e))
        return e->status;
    for (uint64_t block = 0; block < h5_sealed_blocks(&x->hash); block++)
        x->about = mix64(x->about + x->hash.sum[block]);
    if (x->hash.n != rows || (d->symbol_bits && x->sketch.n != rows))
        return error_set(e, EX_DATAERR, "%s: is damaged: not of %" PRIu64 " records", x->file, rows);
    x->stored = mem_zero(d->bands, sizeof *x->stored);
    x->asked = asks ? mem_zero(d->bands, sizeof *x->asked) : NULL;
    for (uint32_t band = 0; band < d->bands && !e->status; band++)
        if (!open_table(&x->stored[band], x, band, false, d->symbol_bits > 0, e) && asks)
            open_table(&x->asked[band], x, band, true, d->symbol_bits > 0, e);
    return e->status;
}

/* One index, the first of which decides what all are of. */
static int open_one(struct indexes *all, struct index *x, const char *directory, struct error *e) {
    struct indexes own = {0};
    struct h5_sealed about = {0};
    if ((size_t)snprintf(x->file, sizeof x->file, "%s/index.h5", directory) >= sizeof x->file)
        return error_set(e, EX_USAGE, "--index: '%.100s...': a name too long", directory);
    if (h5_map_open(&x->map, x->file, e))
        return e->status;
    if (!h5_exists(x->map.file_id, "/about"))
        return error_set(e, EX_DATAERR, "%s: is no index of lshjoin", x->file);
    if (!h5_sealed_open(&about, &x->map, "/about", 1, e)) {
        const char *text = h5_sealed_at(&about, 0, about.n);
        if (!text)
            error_set(e, EX_DATAERR, "%s: /about: is damaged: its checksum is wrong", x->file);
        else
            index_about_read(x, &own, text, about.n, e);
        x->about = about.n ? about.sum[0] : 0;
    }
    h5_sealed_close(&about);
    if (e->status)
        return e->status;
    if (all->family && (own.family != all->family || own.columns != all->columns ||
                        memcmp(&own.plan.drawing, &all->plan.drawing, sizeof own.plan.drawing) != 0))
        return error_set(e, EX_DATAERR,
                         "%s: is not of the plan of %s: save later ones from runs with --index of the first",
                         x->file, all->of[0].file);
    if (!all->family) {
        all->family = own.family;
        all->columns = own.columns;
        all->plan.drawing = own.plan.drawing;
        strcpy(all->threshold, own.threshold);
        strcpy(all->radius, own.radius);
    }
    x->base = all->rows;
    all->rows += x->data.rows;
    all->elements += x->data.elements;
    bool asks = own.family->is_asymmetric || own.plan.drawing.probes > 0;
    return open_lists(x, &own.plan.drawing, asks, e);
}

/* What the command line leaves open, and whether the rest goes with the index. */
static int settle_options(struct indexes *x, struct options *o, struct error *e) {
    if (o->family && o->family != x->family)
        return error_set(e, EX_USAGE, "--metric %s: %s is by %s", o->family->metric, x->of[0].file,
                         x->family->metric);
    o->family = x->family;
    if (!o->threshold_text && !o->radius_text && !o->top_k) {
        o->threshold_text = x->threshold[0] ? x->threshold : NULL;
        o->radius_text = x->radius[0] ? x->radius : NULL;
        o->threshold.value = o->radius_text ? strtod(o->radius_text, NULL) : 0;
        if (!o->threshold_text && !o->radius_text)
            return error_set(e, EX_USAGE,
                             "%s was made without a threshold: give --threshold, --radius or --top-k",
                             x->of[0].file);
    }
    if (options_take_threshold(o, e))
        return e->status;
    struct plan *p = &x->plan;
    if (o->threshold_text || o->radius_text) {
        p->agreement = x->family->agreement(o->threshold.value, &p->drawing);
        p->recall = p->drawing.n_tiers ? 1 : law_found(&p->drawing, p->agreement);
        for (uint32_t k = 0; k < p->drawing.n_tiers; k++) {
            struct drawing tier = drawing_of_tier(&p->drawing, &p->drawing.tier[k]);
            p->recall = fmin(p->recall, law_found(&tier, x->family->agreement(o->threshold.value, &tier)));
        }
    }
    return 0;
}

struct indexes *indexes_open(struct comm *c, struct options *o, struct error *e) {
    if (o->n_indexes == 0)
        return NULL;
    struct indexes *x = mem_zero(1, sizeof *x);
    x->of = mem_zero((uint64_t)o->n_indexes, sizeof *x->of);
    for (; x->n < o->n_indexes && !e->status; x->n++)
        open_one(x, &x->of[x->n], o->indexes[x->n], e);
    if (!e->status)
        settle_options(x, o, e);
    if (!comm_failed(c, e))
        return x;
    indexes_close(x);
    return NULL;
}

/* Whether a set is of a size that no tier was made for. */
static bool is_of_other_size(const struct drawing *d, uint64_t items) {
    uint64_t class = items > 0 ? (uint64_t)1 << size_class(items) : 0;
    return d->n_tiers > 0 && class & ~(d->classes[0] & d->classes[1]);
}

int indexes_admit(const struct indexes *x, const struct inputs *in, struct error *e) {
    double norm = x->plan.drawing.norm;
    for (int i = 0; i < x->n && x->family->is_of_vectors; i++)
        if (x->of[i].item < in->records.item)
            error_set(
                e, EX_DATAERR,
                "%s: holds coordinates of 8 bytes, and those of %s were made ready as 4: store both alike",
                in->of[0].file, x->of[i].file);
    if (x->family == &family_ip && in->largest_norm > norm)
        error_set(e, EX_DATAERR,
                  "%s: holds a vector of norm %.9g, and %s was made for norms up to %.9g, by which inner "
                  "products are hashed: make the index again with the longer ones",
                  in->of[0].file, in->largest_norm, x->of[0].file, norm);
    for (uint64_t row = 0; row < in->records.n && x->plan.drawing.n_tiers > 0; row++)
        if (is_of_other_size(&x->plan.drawing, records_length(&in->records, row)))
            error_set(e, EX_DATAERR,
                      "%s: row %" PRIu64 " is a set of %" PRIu64
                      " elements, and %s was made of sets of other sizes, for which its bands were planned",
                      in->of[0].file, in->shard.start[in->shard.rank] - in->shard.start[0] + row,
                      records_length(&in->records, row), x->of[0].file);
    return e->status;
}

static void close_tables(struct index_table *t, uint32_t bands) {
    for (uint32_t band = 0; t && band < bands; band++) {
        h5_sealed_close(&t[band].cell);
        h5_sealed_close(&t[band].rest);
        h5_sealed_close(&t[band].row);
    }
    free(t);
}

void indexes_close(struct indexes *x) {
    for (int i = 0; x && i < x->n; i++) {
        struct index *one = &x->of[i];
        close_tables(one->stored, x->plan.drawing.bands);
        close_tables(one->asked, x->plan.drawing.bands);
        h5_sealed_close(&one->hash);
        h5_sealed_close(&one->sketch);
        h5_map_close(&one->map);
    }
    if (x) {
        free(x->of);
        free(x->deleted);
    }
    free(x);
}

static double bytes_of(const struct h5_sealed *s) {
    return (double)s->n * (double)s->item;
}

void indexes_bytes(const struct indexes *x, uint64_t ranks_here, double *kept, double *keys, double *lists) {
    double offsets = 0;
    *kept = *keys = *lists = 0;
    for (const struct index *of = x->of; of < x->of + x->n; of++) {
        *kept += (bytes_of(&of->sketch) + bytes_of(&of->hash)) / (double)ranks_here;
        if (strcmp(of->data.kind, "flat") == 0) /* index_rows has to know where all of one begin */
            offsets = fmax(offsets, (double)(of->data.rows + 1) * sizeof(uint64_t));
    }
    *kept += offsets;
    for (uint32_t band = 0; band < x->plan.drawing.bands; band++) {
        double of_band = 0, bytes = 0;
        for (const struct index *of = x->of; of < x->of + x->n; of++)
            for (int asked = 0; asked < (of->asked ? 2 : 1); asked++) {
                const struct index_table *t = (asked ? of->asked : of->stored) + band;
                of_band += (double)t->row.n;
                bytes += bytes_of(&t->cell) + bytes_of(&t->rest) + bytes_of(&t->row);
            }
        *keys = fmax(*keys, of_band);
        *lists = fmax(*lists, bytes);
    }
}

const struct index *indexes_find(const struct indexes *x, uint64_t row) {
    int i = 0;
    while (i + 1 < x->n && row >= x->of[i + 1].base)
        i++;
    return &x->of[i];
}
