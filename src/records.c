#include "lshjoin/records.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* nothing is linked */
#include <xxhash.h>

#include "lshjoin/base.h"

struct records records_select(const struct records *r, const uint64_t *rows, uint64_t n) {
    struct records s = {.n = n, .item = r->item, .width = r->width};
    uint64_t items = 0;
    if (r->offset)
        s.offset = mem_zero(n + 1, sizeof *s.offset);
    for (uint64_t i = 0; i < n; i++) {
        items += records_length(r, rows[i]);
        if (r->offset)
            s.offset[i + 1] = items;
    }
    s.data = mem_alloc(items, s.item);
    for (uint64_t i = 0; i < n; i++)
        memcpy((char *)s.data + (s.offset ? s.offset[i] : i * s.width) * s.item, records_row(r, rows[i]),
               records_length(r, rows[i]) * s.item);
    return s;
}

void records_free(struct records *r) {
    free(r->offset);
    free(r->data);
    *r = (struct records){0};
}

/* Sort one row and drop repeats; both widths by one text. */
#define DEFINE_SORT_SET(name, type)                                                                          \
    static int compare_##name(const void *a, const void *b) {                                                \
        type x = *(const type *)a, y = *(const type *)b;                                                     \
        return (x > y) - (x < y);                                                                            \
    }                                                                                                        \
    static uint64_t sort_##name(type *a, uint64_t n) {                                                       \
        unsigned falls = 0; /* without a way out, which takes less time: most sets are sorted */             \
        for (uint64_t i = 1; i < n; i++)                                                                     \
            falls |= a[i - 1] >= a[i];                                                                       \
        if (!falls)                                                                                          \
            return n;                                                                                        \
        qsort(a, n, sizeof *a, compare_##name);                                                              \
        uint64_t kept = 1;                                                                                   \
        for (uint64_t i = 1; i < n; i++)                                                                     \
            if (a[i] != a[kept - 1])                                                                         \
                a[kept++] = a[i];                                                                            \
        return kept;                                                                                         \
    }
DEFINE_SORT_SET(u32, uint32_t)
DEFINE_SORT_SET(u64, uint64_t)

static struct row_hash hash_of(const void *row, uint64_t items, size_t item) {
    XXH128_hash_t h = XXH3_128bits(row, items * item);
    return (struct row_hash){h.high64, h.low64};
}

struct row_hash records_hash_row(const struct records *r, uint64_t row) {
    return hash_of(records_row(r, row), records_length(r, row), r->item);
}

struct hash_job {
    const struct records *records;
    struct row_hash *hash;
};

static void hash_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct hash_job *job = ctx;
    for (uint64_t row = lo; row < hi; row++)
        job->hash[row] = records_hash_row(job->records, row);
}

void records_hash(const struct records *r, struct pool *pool, struct row_hash *hash) {
    pool_for(pool, r->n, 256, hash_rows, &(struct hash_job){r, hash});
}

struct shortening {
    struct records *records;
    uint64_t (*shorten)(const struct records *r, uint64_t row);
    uint64_t *length;      /* of each row now */
    struct row_hash *hash; /* or NULL */
};

static void shorten_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct shortening *job = ctx;
    for (uint64_t row = lo; row < hi; row++) {
        job->length[row] = job->shorten(job->records, row);
        if (job->hash)
            job->hash[row] = hash_of(records_row(job->records, row), job->length[row], job->records->item);
    }
}

/* Close the gaps that shorter rows have left. */
static void close_gaps(struct records *r, const uint64_t *length) {
    uint64_t end = 0;
    for (uint64_t row = 0; row < r->n; row++) {
        uint64_t first = r->offset[row];
        if (first != end)
            memmove((char *)r->data + end * r->item, (char *)r->data + first * r->item,
                    length[row] * r->item);
        r->offset[row] = end;
        end += length[row];
    }
    r->offset[r->n] = end;
}

void records_shorten(struct records *r, struct pool *pool,
                     uint64_t (*shorten)(const struct records *r, uint64_t row), struct row_hash *hash) {
    struct shortening job = {r, shorten, mem_alloc(r->n, sizeof *job.length), hash};
    pool_for(pool, r->n, 256, shorten_rows, &job);
    close_gaps(r, job.length);
    free(job.length);
}

static uint64_t sort_row(const struct records *r, uint64_t row) {
    void *a = (char *)r->data + r->offset[row] * r->item;
    uint64_t n = records_length(r, row);
    return r->item == 4 ? sort_u32(a, n) : sort_u64(a, n);
}

void records_sort_sets(struct records *r, struct pool *pool, struct row_hash *hash) {
    records_shorten(r, pool, sort_row, hash);
}

static void empty_sets(struct records *r, const uint64_t *rows, uint64_t n) {
    uint64_t *length = mem_alloc(r->n, sizeof *length);
    for (uint64_t row = 0; row < r->n; row++)
        length[row] = records_length(r, row);
    for (uint64_t i = 0; i < n; i++)
        length[rows[i]] = 0;
    close_gaps(r, length);
    free(length);
}

void records_leave_out(struct records *r, const uint64_t *rows, uint64_t n) {
    if (r->offset && n > 0)
        empty_sets(r, rows, n);
    for (uint64_t i = 0; !r->offset && i < n; i++)
        if (r->item == sizeof(float))
            ((float *)r->data)[rows[i] * r->width] = NAN;
        else
            ((double *)r->data)[rows[i] * r->width] = NAN;
}

bool records_is_left_out(const struct records *r, uint64_t row) {
    const void *x = records_row(r, row);
    return r->width > 0 && isnan(r->item == sizeof(float) ? *(const float *)x : *(const double *)x);
}

void records_narrow(struct records *r) {
    uint64_t n = records_items(r);
    const uint64_t *wide = r->data;
    uint32_t *narrow = mem_alloc(n, sizeof *narrow);
    for (uint64_t i = 0; i < n; i++)
        narrow[i] = (uint32_t)wide[i];
    free(r->data);
    r->data = narrow;
    r->item = sizeof *narrow;
}

uint64_t records_max_element(const struct records *r, size_t width) {
    uint64_t n = records_items(r), most = 0;
    const char *at = r->data;
    for (uint64_t i = 0; i < n; i++, at += r->item)
        most = max_u64(most, width == 4 ? *(const uint32_t *)at : *(const uint64_t *)at);
    return most;
}
