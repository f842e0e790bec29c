#include "forecast.h"

#include <math.h>

#include "exact_job.h"
#include "h5_write.h"
#include "hash_join.h"
#include "home.h"
#include "kept.h"
#include "lshjoin/bucket.h"
#include "lshjoin/coarse.h"
#include "lshjoin/delta.h"
#include "lshjoin/exact.h"
#include "lshjoin/parity.h"
#include "lshjoin/product8.h"
#include "lshjoin/sort.h"
#include "sketch_join.h"

static const char *const memory_name[MEMORY_PARTS] = {
    [MEMORY_PROGRAM] = "program, MPI, HDF5",
    [MEMORY_RECORDS] = "records",
    [MEMORY_SKETCHES] = "sketches",
    [MEMORY_KEYS] = "band keys",
    [MEMORY_DIGESTS] = "digests",
    [MEMORY_INDEX] = "index",
    [MEMORY_OLD] = "old records",
    [MEMORY_COUNTS] = "counts",
    [MEMORY_ROUND] = "a round of keys",
    [MEMORY_CANDIDATES] = "candidates",
    [MEMORY_IMAGES] = "byte images",
    [MEMORY_FETCHED] = "others' records",
    [MEMORY_PAIRS] = "pairs",
    [MEMORY_OUTPUT] = "output",
    [MEMORY_GROUPS] = "groups",
};

/* Bytes: of a process that has done nothing yet; of a candidate in its slot, and of one in the batch with
 * its copy and its value; of a tuple in a bucket of two. */
static const double program_bytes = 30e6, slot_bytes = sizeof(struct u64_pair),
                    batch_bytes = 2 * sizeof(struct u64_pair) + sizeof(double),
                    bucket_bytes = sizeof(uint64_t) + sizeof(struct bucket) / 2.0;

/* Keys that do not stand alone, as a share: mostly less. */
static const double surviving = 0.2;

/* What the parts of a rank's memory are told from. */
struct needs {
    const struct plan *plan;
    const struct load *load;
    const struct family *family;
    const struct options *o;
    const struct cut *cut;
    double rows, items, round, copies, candidates, pairs; /* of a rank */
    double *memory;
};

/* What threads know of sets that are much alike. */
static double of_deltas(const struct needs *n) {
    uint64_t sets = (uint64_t)(n->rows * (double)n->load->ranks);
    return n->family->verify_run ? n->o->threads * (double)deltas_bytes(n->load->item, sets) : 0;
}

/* Candidates of a rank, `room` of which travel at once: in their slots, and in the batch; the rows of others
 * that they are compared with, as they come and as they are sent; the pairs that become of them, once more
 * and twice on their way where they go on to another rank. */
static void expect_candidates(const struct needs *n, double candidates, double room) {
    double batch = fmin(candidates, HOME_BATCH * room), pairs = fmin(n->pairs, batch);
    double row = n->rows > 0 ? n->items / n->rows * (double)n->load->item + sizeof(uint64_t) : 0;
    bool alone = n->load->ranks == 1;
    n->memory[MEMORY_CANDIDATES] += fmin(candidates, room) * slot_bytes + batch * batch_bytes + of_deltas(n);
    n->memory[MEMORY_FETCHED] += alone ? 0 : 2 * fmin(n->round, batch * row);
    n->memory[MEMORY_PAIRS] += fmin(pairs, HOME_TOGETHER) * sizeof(struct pair);
    if (n->o->top_k || n->o->format == FORMAT_MHASH)
        n->memory[MEMORY_PAIRS] += 2 * pairs * sizeof(struct pair) +
                                   (alone ? 0 : 2 * fmin(n->round, 2 * pairs * sizeof(struct pair)));
}

/* Top-k: what is kept for each left row, and a part of it as pairs. */
static void expect_nearest(const struct needs *n) {
    double kept = fmin(2 * n->pairs, n->load->left * (double)n->o->top_k);
    if (n->o->top_k)
        n->memory[MEMORY_PAIRS] += n->load->left * sizeof(uint64_t) + kept * 2 * sizeof(double) +
                                   fmin(n->round, kept * sizeof(struct pair));
}

/* What is held back to be written together. */
static void expect_output(const struct needs *n) {
    const struct options *o = n->o;
    bool is_h5 = o->output && !o->no_print && (!o->format || o->format == FORMAT_H5);
    int tables = o->duplicates == DUPLICATES_GROUPS ? 2 : 1;
    n->memory[MEMORY_OUTPUT] = is_h5 ? tables * (double)H5_PAIRS_BYTES : 0;
    if (o->checkpoint)
        n->memory[MEMORY_OUTPUT] += fmin(n->pairs, KEPT_BUFFERED) * 3 * sizeof(uint64_t);
}

/* Groups: the rows that stand in this rank's pairs, and a star's pairs, as far as one can know how many come;
 * at last its own rows' heads, labels and candidates. */
static void expect_groups(const struct needs *n) {
    const double seen_bytes = 40, pair_bytes = 16,
                 row_bytes = 60; /* arrays that grow have up to twice what is in them */
    double seen = fmin(2 * n->pairs, n->rows * (double)n->load->ranks);
    if (!n->o->clusters)
        return;
    n->memory[MEMORY_GROUPS] = seen * seen_bytes + n->rows * row_bytes;
    if (n->o->cluster_method == CLUSTER_STAR && isfinite(n->pairs))
        n->memory[MEMORY_GROUPS] += n->pairs * pair_bytes;
}

/* What meets old records may meet all of them in every band. */
static void expect_old(const struct needs *n) {
    const double row_bytes = 2 * sizeof(uint64_t); /* arrays that grow have up to twice what is in them */
    n->memory[MEMORY_OLD] =
        n->load->old_kept + (n->load->old_lists + n->load->old_keys * row_bytes) / (double)n->load->ranks;
}

/* An index: a band's keys with their rows, sorted, and as lists. */
static void expect_saving(const struct needs *n) {
    const double key_bytes = 3 * sizeof(struct u64_pair);
    uint32_t variants = family_variants(n->family, &n->plan->drawing);
    if (n->o->save_index)
        n->memory[MEMORY_KEYS] += (n->rows + n->load->left * (variants - 1)) * key_bytes + n->round / 4;
}

/* A round of so many bytes of tuples, sent and received, and their buckets. */
static void expect_round(const struct needs *n, double bytes, double keys) {
    double crowd = fmin(1, fmax(surviving, keys > 0 ? 2 * n->copies / keys : 0));
    n->memory[MEMORY_ROUND] =
        bytes * (n->load->ranks > 1 ? 2 : 1) + bytes / sizeof(struct tuple) * crowd * bucket_bytes;
}

/* Tuples to and from every rank, the most of any, and the rounds, of so many bands. */
static void expect_counts(const struct needs *n, double keys_a_band, uint32_t bands) {
    struct bins bins = bins_choose((uint32_t)n->load->ranks, (uint64_t)(keys_a_band * (double)n->load->ranks),
                                   n->cut->round_bytes / sizeof(struct tuple));
    n->memory[MEMORY_COUNTS] =
        (double)bands * bins.per_owner *
        (2.0 * (double)n->load->ranks * sizeof(uint64_t) + sizeof(uint64_t) + sizeof(struct round));
}

/* By sketches: a few bands' keys and tuples at a time, of which some survive the loss of those that stand
 * alone, with their sketches. */
static void expect_sketches(const struct needs *n) {
    const struct drawing *d = &n->plan->drawing;
    double sketch = d->pool * d->symbol_bits / 8.0,
           room = (double)sketch_join_room(n->family, n->load->ranks, n->cut->round_bytes) / slot_bytes;
    uint32_t bands = sketch_join_bands((uint64_t)n->rows, n->load->ranks, n->cut->round_bytes, d->bands);
    double keys = bands * n->rows, tuples = fmin(keys, n->round / sizeof(struct tuple));
    double met = fmin(tuples, fmax(surviving * tuples, fmin(2 * n->copies, tuples)));
    n->memory[MEMORY_SKETCHES] = n->rows * (sketch + 1);
    n->memory[MEMORY_KEYS] = keys * sizeof(uint64_t);
    expect_counts(n, n->rows, bands);
    expect_round(n, tuples * sizeof(struct tuple), d->bands * n->rows);
    n->memory[MEMORY_ROUND] +=
        fmin(met * (sketch + 2 * sizeof(uint64_t)), n->round / 16 * (n->load->ranks > 1 ? 3 : 1));
    expect_candidates(n, n->candidates, room);
    n->memory[MEMORY_CANDIDATES] += fmin(n->candidates, room) * slot_bytes; /* found, and not yet in a slot */
}

/* By words: the keys of some bands, or all. */
static void expect_words(const struct needs *n) {
    const struct drawing *d = &n->plan->drawing;
    uint32_t variants = family_variants(n->family, d), bands = n->cut->bands;
    double room = n->round / HASH_JOIN_SHARE / slot_bytes; /* candidates that travel at once */
    double of_band = n->rows + n->load->left * (variants - 1);
    double digest = bands * (!n->o->verify && variants == 1 ? n->family->words(d->rows) * sizeof(uint32_t)
                                                            : variants * sizeof(uint64_t));
    n->memory[MEMORY_KEYS] = bands * of_band * sizeof(uint64_t);
    bool told_apart = n->o->checkpoint || n->copies > (HOME_BATCH - 1) * room;
    if (!n->o->verify || (told_apart && !hash_join_copies_wait(n->o, n->family, d)))
        n->memory[MEMORY_DIGESTS] = n->rows * digest;
    expect_counts(n, of_band, bands);
    expect_round(n, fmin(n->round, bands * of_band * sizeof(struct tuple)), d->bands * of_band);
    expect_candidates(n, n->copies, room);
}

/* A portion of the rows that come by. */
static void expect_portion(const struct needs *n) {
    double all = n->items * (double)n->load->item * (double)n->load->ranks;
    n->memory[MEMORY_FETCHED] = n->load->ranks > 1 ? fmin(n->round, all) : 0;
    n->memory[MEMORY_PAIRS] += fmin(n->pairs, n->round / EXACT_SHARE / sizeof(struct pair)) *
                               (2 * sizeof(struct exact_pair) + sizeof(struct pair));
}

/* Every vector that stays has an image of bytes; one that comes by has one of floats, too. */
static void expect_exact_vectors(const struct needs *n) {
    double width = n->rows > 0 ? n->items / n->rows : 0, quads = ceil(width / PRODUCT8_QUAD) * PRODUCT8_QUAD;
    double image = quads + sizeof(struct coarse_image) + sizeof(int32_t);
    double moving =
        width > 0 ? fmin(n->rows * (double)n->load->ranks, fmax(1, n->round / width / (double)n->load->item))
                  : 0;
    expect_portion(n);
    n->memory[MEMORY_INDEX] = n->rows * image + moving * (width * sizeof(float) + image + 2 * sizeof(float));
}

/* Prefixes and their postings, 512 bits of parity a set, and what a set's candidates are kept in. */
static void expect_exact_sets(const struct needs *n) {
    double prefix = n->items * (n->family->is_directed ? 1 : 1 - n->o->threshold.value) + n->rows;
    double all = n->items * (double)n->load->ranks, places = fmin(1 << 22, exp2(ceil(log2(fmax(1, all)))));
    expect_portion(n);
    n->memory[MEMORY_INDEX] =
        n->rows * (4 * sizeof(uint32_t) + sizeof(uint64_t) + PARITY_WORDS * sizeof(uint64_t)) +
        prefix * (3 * sizeof(uint32_t)) + places * (sizeof(uint64_t) + sizeof(uint32_t)) +
        fmin(places, all) * 2 * sizeof(uint64_t) + of_deltas(n) +
        fmin(n->rows, n->pairs) * n->o->threads * 3 * sizeof(uint64_t);
}

void forecast_memory(double memory[MEMORY_PARTS], const struct load *load, const struct plan *p,
                     const struct family *family, const struct options *o, const struct cut *cut) {
    double ranks = (double)load->ranks;
    for (int part = 0; part < MEMORY_PARTS; part++)
        memory[part] = 0;
    struct needs n = {.plan = p,
                      .load = load,
                      .family = family,
                      .o = o,
                      .cut = cut,
                      .rows = load->rows,
                      .items = load->items,
                      .round = (double)cut->round_bytes,
                      .copies = p->copies / ranks,
                      .candidates = p->candidates / ranks,
                      .pairs = p->pairs / ranks,
                      .memory = memory};
    memory[MEMORY_PROGRAM] = program_bytes;
    memory[MEMORY_RECORDS] =
        load->items * (double)load->item + (family->is_of_vectors ? 0 : load->rows * sizeof(uint64_t));
    double row_bytes = load->items / fmax(1, load->rows) * (double)load->item;
    if (o->verify && !o->exact && home_wants_images(family, row_bytes, p->candidates, load->rows * ranks))
        memory[MEMORY_IMAGES] = load->items;
    expect_nearest(&n);
    expect_groups(&n);
    expect_output(&n);
    expect_old(&n);
    if (o->exact && family->is_of_vectors)
        expect_exact_vectors(&n);
    else if (o->exact)
        expect_exact_sets(&n);
    else if (p->drawing.symbol_bits)
        expect_sketches(&n);
    else
        expect_words(&n);
    expect_saving(&n);
}

struct load forecast_load(const struct survey *s, uint64_t ranks) {
    double n = (double)ranks;
    return (struct load){.ranks = ranks,
                         .rows = (double)s->rows / n,
                         .left = (double)(s->self_join ? s->rows : s->asking) / n,
                         .items = (double)s->items / n,
                         .item = s->item};
}

struct forecast forecast_make(const struct plan *p, const struct survey *s, const struct family *family,
                              const struct options *o, uint64_t ranks, const struct cut *cut) {
    const struct drawing *d = &p->drawing;
    struct forecast f = {.ranks = ranks};
    struct load load = forecast_load(s, ranks);
    double n = (double)ranks, away = (n - 1) / n, round = (double)cut->round_bytes;
    double keys = d->bands * (load.rows + (double)s->asking / n * (family_variants(family, d) - 1));
    double row_bytes = s->rows ? (double)s->items / (double)s->rows * (double)s->item + sizeof(uint64_t) : 0;
    double fetched = fmin(p->candidates / n * away, (double)s->rows);
    uint32_t each = d->symbol_bits ? sketch_join_bands((uint64_t)load.rows, ranks, cut->round_bytes, d->bands)
                                   : cut->bands;
    double groups = ceil((double)d->bands / each);
    f.rounds = (uint64_t)fmax(groups, ceil(keys * sizeof(struct tuple) / round));
    /* by sketches copies do not travel, but the sketches of those that meet do */
    double met =
        fmin(2 * p->copies / n, surviving * keys) * (d->pool * d->symbol_bits / 8.0 + sizeof(uint32_t));
    double copies = d->symbol_bits ? met + p->candidates / n * slot_bytes : p->copies / n * slot_bytes;
    f.sent = away * (keys * sizeof(struct tuple) + copies) + fetched * row_bytes;
    forecast_memory(f.memory, &load, p, family, o, cut);
    for (int part = 0; part < MEMORY_PARTS; part++)
        f.memory_all += f.memory[part];
    return f;
}

static void print_tiers(FILE *f, const struct drawing *d) {
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        const struct tier *t = &d->tier[k];
        fprintf(f, "  right sets of up to %.3g elements for one of a left set: %u bands of %u rows", t->ratio,
                t->bands, t->rows);
        if (t->pool)
            fprintf(f, " from a pool of %u", t->pool);
        fprintf(f, "\n");
    }
}

static void print_plan(FILE *f, const struct plan *p, const struct options *o) {
    const struct drawing *d = &p->drawing;
    fprintf(f, "plan                 %u bands of %s%u rows", d->bands, d->n_tiers ? "up to " : "", d->rows);
    if (d->n_tiers)
        fprintf(f, " in %u tiers", d->n_tiers);
    if (d->symbol_bits)
        fprintf(f, " of sketches of %u symbols of %u bit%s", d->pool, d->symbol_bits, plural(d->symbol_bits));
    else if (d->pool)
        fprintf(f, " from a pool of %u hash values", d->pool);
    if (d->cut)
        fprintf(f, ", of which a candidate agrees in %u", d->cut);
    if (d->probes)
        fprintf(f, ", %u probes", d->probes);
    if (d->n_left_out)
        fprintf(f, "; %u dear band%s left out", d->n_left_out, plural(d->n_left_out));
    fprintf(f, "\n");
    print_tiers(f, d);
    if (p->agreement > 0)
        fprintf(f,
                "recall               %.4f of pairs at the threshold, %.4f expected of all pairs above it\n",
                p->recall, p->recall_above);
    fprintf(f, "expected             %.3g candidates (%.3g with their copies)", p->candidates, p->copies);
    if (p->agreement > 0)
        fprintf(f, ", %.3g pairs", p->pairs);
    fprintf(f, "\n");
    if (p->agreement > 0 && !o->top_k) {
        double sum = plan_work(p);
        fprintf(f, "instead              --exact would need some %.2g s of one core, this %.2g s%s\n",
                p->exact, sum, p->exact < sum ? ": choose --exact" : "");
    }
}

static void print_needs(FILE *f, const struct forecast *c, const struct plan *p, const struct options *o) {
    double cores = (double)c->ranks * o->threads, sum = 0;
    fprintf(f, "ranks                %llu of %d thread%s, %llu round%s of exchange, %.3g MB sent by each\n",
            (unsigned long long)c->ranks, o->threads, plural((uint64_t)o->threads),
            (unsigned long long)c->rounds, plural(c->rounds), c->sent / 1e6);
    fprintf(f, "seconds             ");
    for (int k = 0; k <= STAGE_WRITE; k++) { /* of groups nothing is known before */
        sum += p->seconds[k] / cores;
        fprintf(f, " %s %.2g", stage_name[k], p->seconds[k] / cores);
    }
    fprintf(f, ": %.2g in all, on cores like those the rates were measured on\n", sum);
    fprintf(f, "memory of a rank     %.0f MB", c->memory_all / 1e6);
    if (o->memory_bytes < UINT64_MAX)
        fprintf(f, " (%.0f MB may be, beside the program)", (double)o->memory_bytes / 1e6);
    fprintf(f, "\n");
    for (int part = 0; part < MEMORY_PARTS; part++)
        if (c->memory[part] >= 5e5)
            fprintf(f, "  %-18s %.0f MB\n", memory_name[part], c->memory[part] / 1e6);
}

void forecast_print(FILE *f, const struct forecast *forecast, const struct plan *p, const struct survey *s,
                    const struct inputs *in, const struct options *o) {
    for (int i = 0; i < in->n; i++)
        fprintf(f, "%s              %s %s (%s): %llu rows, %llu elements\n", i ? "and  " : "input",
                in->of[i].file, in->of[i].object, in->of[i].kind, (unsigned long long)in->of[i].rows,
                (unsigned long long)in->of[i].elements);
    if (o->assume_rows)
        fprintf(f, "assumed              %llu rows like these\n", (unsigned long long)s->rows);
    fprintf(f, "sample               %llu pairs of rows\n", (unsigned long long)s->sampled);
    print_plan(f, p, o);
    print_needs(f, forecast, p, o);
}
