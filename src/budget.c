#include "budget.h"

#include <math.h>
#include <sysexits.h>

#include "index.h"
#include "lshjoin/memory.h"

enum {
    LEAST_ROUND = 1 << 20,
    WISHED_SHARE =
        32, /* the part of the budget that a round should have before more bands are made at once */
    MOST_RANKS = 1 << 20
};

/* Not in another program, whose memory is its own. */
static void keep_memory(const struct options *o) {
    if (!o->arrays)
        mem_keep(o->memory_bytes);
}

void budget_open(struct budget *b, struct comm *c, struct options *o) {
    comm_greet(c);
    *b = (struct budget){.held = memory_held()};
    uint64_t here = (uint64_t)comm_size_here(c);
    if (!o->memory_bytes && !o->assume_ranks && !o->assume_rows) {
        uint64_t share = memory_of_node("").bytes / here;
        o->memory_bytes = share == UINT64_MAX     ? share
                          : share > b->held.bytes ? (share - b->held.bytes) / 10 * 9
                                                  : 1;
    } else if (!o->memory_bytes) { /* of what is not here nothing is known */
        o->memory_bytes = UINT64_MAX;
    }
    comm_min(c, &o->memory_bytes, 1);
    keep_memory(o);
}

static double megabytes(double bytes) {
    return ceil(bytes / (1 << 20));
}

/* ranks: how many would do, or 0 where none would. */
static int refuse(const struct options *o, const char *what, double bytes, uint64_t ranks, struct error *e) {
    const double enough = 1.1 * bytes + (10 << 20); /* from run to run some megabytes more or less are held */
    char more[64] = "";
    if (ranks)
        snprintf(more, sizeof more, ", or %llu ranks", (unsigned long long)ranks);
    return error_set(e, EX_UNAVAILABLE,
                     "%s take at least %.0fM of memory a rank, which may have %.0fM: it would take --memory "
                     "%.0fM%s",
                     what, megabytes(bytes), floor((double)o->memory_bytes / (1 << 20)), megabytes(enough),
                     more);
}

int budget_admit(struct comm *c, const struct options *o, uint64_t bytes, struct error *e) {
    uint64_t sum = bytes;
    comm_sum(c, &sum, 1);
    comm_max(c, &bytes, 1);
    if (bytes > o->memory_bytes)
        refuse(o, "the records alone", (double)bytes, sum / o->memory_bytes + 1, e);
    comm_failed(c, e);
    return e->status;
}

/* A join to be cut. */
struct fitting {
    const struct options *o;
    const struct family *family;
    struct plan plan; /* that may find anything */
    struct load load;
    double records; /* bytes that the records take, if that is known better than from the load */
};

static double bytes_of(const struct fitting *f, const struct cut *cut) {
    double memory[MEMORY_PARTS], sum = 0;
    forecast_memory(memory, &f->load, &f->plan, f->family, f->o, cut);
    memory[MEMORY_RECORDS] = fmax(memory[MEMORY_RECORDS], f->records);
    for (int part = 0; part < MEMORY_PARTS; part++)
        sum += part == MEMORY_PROGRAM ? 0 : memory[part];
    return sum;
}

static bool fits(const struct fitting *f, const struct cut *cut) {
    return bytes_of(f, cut) <= (double)f->o->memory_bytes;
}

/* A checkpoint knows pairs by the lowest of all their bands, so that all are needed together. */
static struct cut smallest(const struct fitting *f) {
    uint32_t bands = (uint32_t)max_u64(1, f->plan.drawing.bands);
    return (struct cut){min_u64(LEAST_ROUND, f->o->round_bytes), f->o->checkpoint ? bands : 1};
}

/* As many bands together as leave a round its share, in groups of about one size. */
static uint32_t choose_bands(const struct fitting *f, struct cut cut) {
    uint32_t bands = (uint32_t)max_u64(1, f->plan.drawing.bands), low = cut.bands, high = bands;
    cut.round_bytes = max_u64(cut.round_bytes, min_u64(f->o->round_bytes, f->o->memory_bytes / WISHED_SHARE));
    while (low < high) {
        cut.bands = low + (high - low + 1) / 2;
        if (fits(f, &cut))
            low = cut.bands;
        else
            high = cut.bands - 1;
    }
    uint32_t groups = (bands + low - 1) / low;
    return (bands + groups - 1) / groups;
}

/* Then as large a round as there is room for. */
static struct cut cut_join(const struct fitting *f) {
    struct cut cut = smallest(f);
    uint64_t low = cut.round_bytes, high = f->o->round_bytes;
    cut.bands = choose_bands(f, cut);
    while (low < high) {
        cut.round_bytes = low + (high - low + 1) / 2;
        if (fits(f, &cut))
            low = cut.round_bytes;
        else
            high = cut.round_bytes - 1;
    }
    cut.round_bytes = low;
    return cut;
}

static bool fits_on(const struct fitting *f, uint64_t ranks) {
    struct fitting on = *f;
    struct cut cut = smallest(f);
    double part = (double)f->load.ranks / (double)ranks;
    on.load.ranks = ranks;
    on.load.rows *= part;
    on.load.left *= part;
    on.load.items *= part;
    on.records *= part;
    return fits(&on, &cut);
}

/* The least number of ranks that hold it together, or 0. */
static uint64_t enough_ranks(const struct fitting *f) {
    uint64_t low = f->load.ranks, high = low;
    while (high < MOST_RANKS && !fits_on(f, high))
        high *= 2;
    while (low + 1 < high) {
        uint64_t middle = low + (high - low) / 2;
        if (fits_on(f, middle))
            high = middle;
        else
            low = middle;
    }
    return fits_on(f, high) ? high : 0;
}

static int fit(struct budget *b, struct options *o, const struct fitting *f, struct error *e) {
    struct cut least = smallest(f);
    if (!fits(f, &least))
        return refuse(o, "records, and what it takes to join them,", bytes_of(f, &least), enough_ranks(f), e);
    b->cut = cut_join(f);
    b->forecast = bytes_of(f, &b->cut);
    o->round_bytes = b->cut.round_bytes;
    return 0;
}

/* A plan that may find anything. */
static struct plan without_hope(const struct plan *p) {
    struct plan q = *p;
    q.copies = q.candidates = q.pairs = INFINITY;
    return q;
}

int budget_fit(struct budget *b, struct comm *c, struct options *o, const struct inputs *in,
               const struct plan *p, struct error *e) {
    const struct shard *s = &in->shard;
    uint64_t left = min_u64(s->start[s->rank + 1], s->split) - min_u64(s->start[s->rank], s->split);
    keep_memory(o); /* what the plan needed goes back */
    uint64_t own = memory_held().own;
    uint64_t most[] = {in->records.n, left, records_items(&in->records),
                       own > b->held.own ? own - b->held.own : 0};
    comm_max(c, most, 4);
    struct fitting f = {.o = o,
                        .family = in->family,
                        .plan = without_hope(p),
                        .load = {.ranks = (uint64_t)comm_size(c),
                                 .rows = (double)most[0],
                                 .left = (double)most[1],
                                 .items = (double)most[2],
                                 .item = in->records.item},
                        .records = (double)most[3]};
    if (in->old) {
        uint64_t here = (uint64_t)comm_size_here(c);
        comm_min(c, &here, 1); /* all ranks cut alike */
        indexes_bytes(in->old, here, &f.load.old_kept, &f.load.old_keys, &f.load.old_lists);
    }
    fit(b, o, &f, e);
    comm_failed(c, e);
    return e->status;
}

int budget_fit_load(struct budget *b, struct options *o, const struct load *load, const struct family *family,
                    const struct plan *p, struct error *e) {
    struct fitting f = {.o = o, .family = family, .plan = without_hope(p), .load = *load};
    return fit(b, o, &f, e);
}
