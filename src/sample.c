#include "sample.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/cpu.h"
#include "lshjoin/minhash.h"

bool sample_has_row(const struct shard *s, uint64_t row, uint64_t seed) {
    const uint64_t least = 5000, most = s->self_join ? 20000 : 14000;
    bool is_left = row < s->split;
    uint64_t rows = is_left ? s->split : s->rows - s->split;
    row -= is_left ? 0 : s->split;
    uint64_t wanted = min_u64(most, max_u64(least, rows / 128));
    return wanted >= rows ||
           (uint64_t)(((unsigned __int128)mix64(mix64(row) + mix64(~seed)) * rows) >> 64) < wanted;
}

enum { PORTION = 16 << 20 }; /* bytes of rows that are copied at once */

struct records sample_next(const struct sample *s, uint64_t *next) {
    uint64_t first = *next, bytes = 0;
    while (*next < s->n && bytes < PORTION)
        bytes += records_length(s->records, s->row[(*next)++]) * s->records->item;
    return records_select(s->records, s->row + first, *next - first);
}

/* A sampled row's values, folded to 16 bits: what it stores and what it asks for (the same, unless that
 * differs). Two values that differ look alike in one of 2^16 cases, which is nothing beside what a sample can
 * tell. */
struct profile {
    uint16_t stored[PLAN_VALUES], asked[PLAN_VALUES];
    uint32_t size_class; /* 0 where they are of no matter */
};

enum {
    TILE = 64,
    TOGETHER = 32
}; /* right rows that stay in the cache, and left ones they are compared with */

struct sample_job {
    const struct family *family;
    const void *signer;
    const struct records *rows; /* a portion; the first is number `begin` of the sample */
    uint64_t begin;
    struct profile *profile;
    bool *good; /* of this rank's rows: not left out */
    uint64_t left, n;
    uint64_t first, step; /* rows of this rank: first, first + step, ... */
    bool self_join;
    enum simd simd;
    uint32_t steps;       /* of sizes: SIZE_STEPS, or 1 */
    plan_tally *agreeing; /* [threads][steps] */
};

static void fold(const uint32_t *words, uint16_t *values) {
    for (int k = 0; k < PLAN_VALUES; k++)
        values[k] = (uint16_t)(words[k] ^ words[k] >> 16);
}

static void make_profiles(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct sample_job *job = ctx;
    uint64_t variants = 1 + job->family->is_asymmetric, each = variants * PLAN_VALUES;
    uint32_t *words = mem_alloc((hi - lo) * each + MINHASH_PADDING, sizeof *words);
    bool *good = job->good + job->begin;
    struct profile *profile = job->profile + job->begin;
    job->family->sign(job->signer, job->rows, lo, hi, job->rows->n, words, good + lo);
    for (uint64_t i = lo; i < hi; i++) {
        const uint32_t *of_row = words + (i - lo) * each;
        if (!good[i])
            continue;
        fold(of_row, profile[i].stored);
        fold(of_row + each - PLAN_VALUES, profile[i].asked);
        profile[i].size_class = job->steps > 1 ? size_class(records_length(job->rows, i)) : 0;
    }
    free(words);
}

/* The profiles lo..hi-1 counted by step of size, of `steps`, and how many of their stored values are those
 * that row i asks for: one text for all levels. */
static inline __attribute__((always_inline)) void compare(const struct profile *all, uint64_t i, uint64_t lo,
                                                          uint64_t hi, uint32_t steps, plan_tally *count) {
    const uint16_t *asked = all[i].asked;
    uint32_t middle = steps / 2;
    for (uint64_t j = lo; j < hi; j++) {
        uint16_t n = 0;
        for (int k = 0; k < PLAN_VALUES; k++)
            n = (uint16_t)(n + (asked[k] == all[j].stored[k]));
        count[middle + all[j].size_class - all[i].size_class][n]++;
    }
}

typedef void compare_fn(const struct profile *all, uint64_t i, uint64_t lo, uint64_t hi, uint32_t steps,
                        plan_tally *count);

static void compare_scalar(const struct profile *all, uint64_t i, uint64_t lo, uint64_t hi, uint32_t steps,
                           plan_tally *count) {
    compare(all, i, lo, hi, steps, count);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void compare_avx2(const struct profile *all, uint64_t i, uint64_t lo,
                                                         uint64_t hi, uint32_t steps, plan_tally *count) {
    compare(all, i, lo, hi, steps, count);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static void
compare_avx512(const struct profile *all, uint64_t i, uint64_t lo, uint64_t hi, uint32_t steps,
               plan_tally *count) {
    compare(all, i, lo, hi, steps, count);
}
#else
#define compare_avx2 compare_scalar
#define compare_avx512 compare_scalar
#endif

static compare_fn *const compare_at[] = {compare_scalar, compare_avx2, compare_avx512};

/* Rows lo..hi-1 of this rank's share of the left ones, each with all right ones (of one input: those behind
 * it). */
static void compare_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct sample_job *job = ctx;
    plan_tally *count = job->agreeing + (uint64_t)thread * job->steps;
    uint64_t right = job->self_join ? job->first + lo * job->step + 1 : job->left;
    for (uint64_t tile = right; tile < job->n; tile += TILE)
        for (uint64_t k = lo; k < hi; k++) {
            uint64_t i = job->first + k * job->step, from = job->self_join ? max_u64(tile, i + 1) : tile;
            compare_at[job->simd](job->profile, i, from, min_u64(tile + TILE, job->n), job->steps, count);
        }
}

/* The good ones of all ranks' profiles, those of the left input first, in place of this rank's. */
static void share(struct comm *c, struct sample_job *job) {
    uint64_t good[2] = {0, 0};
    for (uint64_t i = 0; i < job->n; i++)
        if (job->good[i]) {
            job->profile[good[0] + good[1]] = job->profile[i];
            good[i >= job->left]++;
        }
    struct profile *all = comm_gather(c, sizeof *all, job->profile, good[0], good[1], &job->left, &job->n);
    free(job->profile);
    job->profile = all;
}

/* Of one input also the other order of each pair. */
static void turn_around(plan_tally *agreeing, bool self_join, plan_tally *of_step) {
    for (uint32_t k = 0; k < SIZE_STEPS; k++)
        for (int f = 0; f <= PLAN_VALUES; f++)
            of_step[k][f] = agreeing[k][f] + (self_join ? agreeing[SIZE_STEPS - 1 - k][f] : 0);
}

static void add_up(struct survey *s, plan_tally *of_step, uint32_t steps) {
    memset(s->agreeing, 0, sizeof s->agreeing);
    s->sampled = 0;
    for (uint32_t k = 0; k < steps; k++)
        for (int f = 0; f <= PLAN_VALUES; f++) {
            s->agreeing[f] += of_step[k][f];
            s->sampled += of_step[k][f];
        }
}

void sample_compare(struct survey *s, struct comm *c, struct pool *pool, const struct family *family,
                    const struct sample *sample, const struct drawing *d, plan_tally *of_step) {
    const struct drawing drawing = {
        .bands = PLAN_VALUES, .rows = 1, .seed = ~d->seed, .width = d->width, .norm = d->norm};
    uint64_t threads = (uint64_t)pool_threads(pool);
    uint32_t steps = of_step ? SIZE_STEPS : 1;
    void *signer = family->create(&drawing, sample->records);
    struct sample_job job = {.family = family,
                             .signer = signer,
                             .profile = mem_alloc(sample->n, sizeof *job.profile),
                             .good = mem_alloc(sample->n, sizeof *job.good),
                             .left = sample->left,
                             .n = sample->n,
                             .self_join = s->self_join,
                             .simd = cpu_simd(),
                             .first = (uint64_t)comm_rank(c),
                             .step = (uint64_t)comm_size(c),
                             .steps = steps,
                             .agreeing = mem_zero(threads * steps, sizeof *job.agreeing)};
    for (uint64_t next = 0; next < sample->n;) {
        job.begin = next;
        struct records rows = sample_next(sample, &next);
        job.rows = &rows;
        pool_for(pool, rows.n, 64, make_profiles, &job);
        records_free(&rows);
    }
    family->destroy(signer);
    uint64_t sampled[2] = {job.left, job.n - job.left};
    share(c, &job);
    comm_sum(c, sampled, 2);
    for (int side = 0; side < 2; side++) { /* rows left out pair with nothing */
        double good = (double)(side == 0 ? job.left : job.n - job.left) / (double)max_u64(1, sampled[side]);
        s->pairs *= s->self_join ? (side == 0 ? good * good : 1) : good;
    }
    uint64_t n = job.left > job.first ? (job.left - job.first + job.step - 1) / job.step : 0;
    pool_for(pool, n, TOGETHER, compare_rows, &job);
    for (uint64_t k = steps; k < threads * steps; k++)
        for (int f = 0; f <= PLAN_VALUES; f++)
            job.agreeing[k % steps][f] += job.agreeing[k][f];
    comm_sum(c, job.agreeing[0], (uint64_t)steps * (PLAN_VALUES + 1));
    if (of_step)
        turn_around(job.agreeing, s->self_join, of_step);
    add_up(s, of_step ? of_step : job.agreeing, steps);
    free(job.agreeing);
    free(job.good);
    free(job.profile);
}

/* Those of this rank's rows. */
static struct sketches sketch_rows(struct pool *pool, const struct family *family,
                                   const struct sample *sample, const struct drawing *d) {
    struct sketches all = {.words = {.n = sample->n, .item = sizeof(uint64_t), .width = sketch_words(d)},
                           .pairs = mem_alloc(sample->n, sizeof *all.pairs)};
    uint64_t each = all.words.width * all.words.item;
    all.words.data = mem_alloc(sample->n, each);
    for (uint64_t next = 0; next < sample->n;) {
        uint64_t first = next;
        struct records rows = sample_next(sample, &next);
        struct sketches some = sketches_create(pool, family, &rows, d, NULL, NULL);
        memcpy((char *)all.words.data + first * each, some.words.data, rows.n * each);
        memcpy(all.pairs + first, some.pairs, rows.n * sizeof *all.pairs);
        sketches_free(&some);
        records_free(&rows);
    }
    return all;
}

struct sketches sample_sketch(struct comm *c, struct pool *pool, const struct family *family,
                              const struct sample *sample, const struct drawing *d) {
    struct sketches mine = sketch_rows(pool, family, sample, d), all = mine;
    uint64_t left = sample->left, right = sample->n - left, ignored;
    all.words.data = comm_gather(c, mine.words.width * mine.words.item, mine.words.data, left, right,
                                 &ignored, &all.words.n);
    all.pairs = comm_gather(c, sizeof *mine.pairs, mine.pairs, left, right, &ignored, &all.words.n);
    sketches_free(&mine);
    return all;
}
