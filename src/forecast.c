#include "forecast.h"

#include <math.h>
#include <unistd.h>

#include "hash_join.h"
#include "home.h"
#include "lshjoin/bucket.h"
#include "lshjoin/sort.h"
#include "sketch_join.h"

static const char *const memory_name[MEMORY_PARTS] = {
    [MEMORY_PROGRAM] = "program, MPI, HDF5",
    [MEMORY_RECORDS] = "records",
    [MEMORY_SKETCHES] = "sketches",
    [MEMORY_KEYS] = "band keys",
    [MEMORY_DIGESTS] = "digests",
    [MEMORY_COUNTS] = "counts",
    [MEMORY_ROUND] = "a round of keys",
    [MEMORY_CANDIDATES] = "candidates",
    [MEMORY_IMAGES] = "byte images",
};

/* Bytes: of a process that has done nothing yet; of a candidate in its slot, and of one in the batch with
 * its copy and its value; of a received tuple in a bucket. */
static const double program_bytes = 40e6, slot_bytes = sizeof(struct u64_pair),
                    batch_bytes = 2 * sizeof(struct u64_pair) + sizeof(double), bucket_bytes = 8;

/* Keys that do not stand alone, as a share: mostly less. */
static const double surviving = 0.2;

/* Candidates of a rank, of which so many travel at once: in their slots, and in the batch. */
static void expect_candidates(struct forecast *f, double candidates, double room) {
    f->memory[MEMORY_CANDIDATES] =
        fmin(candidates, room) * slot_bytes + fmin(candidates, HOME_BATCH * room) * batch_bytes;
}

/* Of a join by sketches: a few bands' keys and tuples at a time, of which some survive the loss of those that
 * stand alone, with their sketches. */
static void expect_sketches(struct forecast *f, const struct plan *p, const struct survey *s,
                            const struct options *o, double rows) {
    const struct drawing *d = &p->drawing;
    double ranks = (double)f->ranks, sketch = d->pool * d->symbol_bits / 8.0;
    uint32_t bands = sketch_join_bands((uint64_t)rows, f->ranks, o->round_bytes, d->bands);
    double tuples = bands * rows, room = (double)o->round_bytes / SKETCH_JOIN_SHARE / slot_bytes;
    struct bins bins = bins_choose((uint32_t)f->ranks, s->rows, o->round_bytes / sizeof(struct tuple));
    double *memory = f->memory;
    memory[MEMORY_SKETCHES] = rows * (sketch + 1);
    memory[MEMORY_KEYS] = tuples * sizeof(uint64_t);
    memory[MEMORY_COUNTS] = 2.0 * ranks * bands * bins.per_owner * sizeof(uint64_t);
    memory[MEMORY_ROUND] = tuples * sizeof(struct tuple) * (f->ranks > 1 ? 2 : 1) +
                           fmin(surviving * tuples * (sketch + 2 * sizeof(uint64_t)),
                                (double)o->round_bytes / 16 * (f->ranks > 1 ? 3 : 1));
    expect_candidates(f, p->candidates / ranks, room);
    memory[MEMORY_CANDIDATES] +=
        fmin(p->candidates / ranks, room) * slot_bytes; /* found, and not yet in a slot */
}

static void expect_memory(struct forecast *f, const struct plan *p, const struct survey *s,
                          const struct family *family, const struct options *o, double keys) {
    const struct drawing *d = &p->drawing;
    double ranks = (double)f->ranks, rows = (double)s->rows / ranks, round = (double)o->round_bytes;
    double offsets = family->is_of_vectors ? 0 : rows * sizeof(uint64_t);
    double tuples = fmin(round, keys * sizeof(struct tuple)), copies = p->copies / ranks;
    double room = round / HASH_JOIN_SHARE / slot_bytes; /* candidates that travel at once */
    uint32_t variants = family_variants(family, d);
    struct bins bins =
        bins_choose((uint32_t)f->ranks, s->rows * variants, o->round_bytes / sizeof(struct tuple));
    double *memory = f->memory;
    memory[MEMORY_PROGRAM] = program_bytes;
    memory[MEMORY_RECORDS] = (double)s->items / ranks * (double)s->item + offsets;
    double row_bytes = (double)s->items / fmax(1, (double)s->rows) * (double)s->item;
    if (o->verify && home_wants_images(family, row_bytes, p->candidates, (double)s->rows))
        memory[MEMORY_IMAGES] = (double)s->items / ranks;
    if (d->symbol_bits) {
        expect_sketches(f, p, s, o, rows);
        return;
    }
    memory[MEMORY_KEYS] = keys * sizeof(uint64_t);
    if (!o->verify && variants == 1)
        memory[MEMORY_DIGESTS] = rows * d->bands * family->words(d->rows) * sizeof(uint32_t);
    else if (!o->verify || copies > (HOME_BATCH - 1) * room)
        memory[MEMORY_DIGESTS] = rows * d->bands * variants * sizeof(uint64_t);
    memory[MEMORY_COUNTS] = 2.0 * ranks * d->bands * bins.per_owner * sizeof(uint64_t);
    memory[MEMORY_ROUND] = tuples * (f->ranks > 1 ? 2 : 1) + tuples / sizeof(struct tuple) * bucket_bytes;
    expect_candidates(f, copies, room);
}

struct forecast forecast_make(const struct plan *p, const struct survey *s, const struct family *family,
                              const struct options *o, uint64_t ranks) {
    const struct drawing *d = &p->drawing;
    struct forecast f = {.ranks = ranks};
    double n = (double)ranks, away = (n - 1) / n;
    double asking = (double)s->asking * (family_variants(family, d) - 1);
    double keys = d->bands * ((double)s->rows + asking) / n;
    double row_bytes = s->rows ? (double)s->items / (double)s->rows * (double)s->item + sizeof(uint64_t) : 0;
    double fetched = fmin(p->candidates / n * away, (double)s->rows);
    f.rounds = (uint64_t)ceil(fmax(1, keys * sizeof(struct tuple) / (double)o->round_bytes));
    if (d->symbol_bits) {
        uint32_t each = sketch_join_bands((uint64_t)((double)s->rows / n), ranks, o->round_bytes, d->bands);
        f.rounds = (d->bands + each - 1) / each;
    }
    /* by sketches copies do not travel, but the sketches of those that meet do */
    double met =
        fmin(2 * p->copies / n, surviving * keys) * (d->pool * d->symbol_bits / 8.0 + sizeof(uint32_t));
    double copies = d->symbol_bits ? met + p->candidates / n * slot_bytes : p->copies / n * slot_bytes;
    f.sent = away * (keys * sizeof(struct tuple) + copies) + fetched * row_bytes;
    expect_memory(&f, p, s, family, o, keys);
    for (int part = 0; part < MEMORY_PARTS; part++)
        f.memory_all += f.memory[part];
    return f;
}

/* Memory of this machine that is free for us, in bytes. */
static double available_memory(void) {
    return (double)sysconf(_SC_AVPHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

static void print_plan(FILE *f, const struct plan *p, const struct options *o) {
    const struct drawing *d = &p->drawing;
    fprintf(f, "plan                 %u bands of %u rows", d->bands, d->rows);
    if (d->symbol_bits)
        fprintf(f, " of sketches of %u symbols of %u bit%s", d->pool, d->symbol_bits,
                d->symbol_bits > 1 ? "s" : "");
    else if (d->pool)
        fprintf(f, " from a pool of %u hash values", d->pool);
    if (d->cut)
        fprintf(f, ", of which a candidate agrees in %u", d->cut);
    if (d->probes)
        fprintf(f, ", %u probes", d->probes);
    if (d->n_left_out)
        fprintf(f, "; %u dear band%s left out", d->n_left_out, d->n_left_out > 1 ? "s" : "");
    fprintf(f, "\n");
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
            (unsigned long long)c->ranks, o->threads, o->threads > 1 ? "s" : "",
            (unsigned long long)c->rounds, c->rounds > 1 ? "s" : "", c->sent / 1e6);
    fprintf(f, "seconds             ");
    for (int k = 0; k <= STAGE_WRITE; k++) { /* of groups nothing is known before */
        sum += p->seconds[k] / cores;
        fprintf(f, " %s %.2g", stage_name[k], p->seconds[k] / cores);
    }
    fprintf(f, ": %.2g in all, on cores like those the rates were measured on\n", sum);
    fprintf(f, "memory of a rank     %.0f MB (%.0f MB are free here)\n", c->memory_all / 1e6,
            available_memory() / 1e6);
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
