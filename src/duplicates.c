#include "duplicates.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/metrics.h"
#include "owner.h"
#include "pair.h"
#include "visit.h"

/* What seems to be equal by its hash: rows and their firsts, which travel as pairs (first, row). */
struct claims {
    const struct shard *shard;
    uint64_t n, capacity;
    struct pair *claim;
};

static void add(struct claims *l, const struct pair *claims, uint64_t n) {
    if (l->n + n > l->capacity) {
        l->capacity = 2 * (l->n + n);
        l->claim = mem_grow(l->claim, l->capacity, sizeof *l->claim);
    }
    if (n > 0)
        memcpy(l->claim + l->n, claims, n * sizeof *claims);
    l->n += n;
}

static void take(void *ctx, const struct pair *claims, uint64_t n) {
    add(ctx, claims, n);
}

static int holder_of_row(void *ctx, const struct pair *p) {
    return shard_rank(((struct claims *)ctx)->shard, p->right);
}

static int holder_of_first(void *ctx, const struct pair *p) {
    return shard_rank(((struct claims *)ctx)->shard, p->left);
}

/* Collective. Claims to the ranks that `holder` names. */
static void route(struct comm *c, struct claims *l, int (*holder)(void *ctx, const struct pair *p),
                  uint64_t most) {
    struct claims came = {.shard = l->shard};
    pairs_route(c, l->claim, l->n, most, holder, take, &came);
    free(l->claim);
    *l = came;
}

/* One key a row: half of its hash, and of the second input others than of the first. */
static struct band_keys make_keys(const struct suspects *of) {
    const uint64_t second_input = 0x6a09e667f3bcc908u;
    const struct records *r = of->records;
    struct band_keys k = {.n = r->n, .bands = 1, .variants = 1};
    k.key = mem_alloc(k.n, sizeof *k.key);
    for (uint64_t row = 0; row < k.n; row++) {
        uint64_t key = (of->hash[row].high ^ (row < of->left ? 0 : second_input)) & ~BAND_ASKS;
        bool pairs = of->are_vectors ? !records_is_left_out(r, row) : records_length(r, row) > 0;
        k.key[row] = !pairs ? BAND_NO_KEY : key == BAND_NO_KEY ? 2 : key;
    }
    return k;
}

/* Collective. Claims of one list of buckets: that rows are equal to the first of their bucket. */
static void claim(struct comm *c, const struct shard *s, const struct bucket_list *l,
                  const struct row_hash *hash, uint64_t most, struct claims *claims) {
    const struct records mine = {.n = shard_local_rows(s),
                                 .item = sizeof hash->low,
                                 .width = sizeof *hash / sizeof hash->low,
                                 .data = (void *)hash};
    uint64_t *row = mem_alloc(l->n_rows, sizeof *row);
    struct row_hash *of = mem_alloc(l->n_rows, sizeof *of);
    for (uint64_t i = 0; i < l->n_rows; i++)
        row[i] = l->row[i] >> 1;
    comm_pick(c, s, &mine, row, l->n_rows, most, of);
    for (uint64_t b = 0; b < l->n; b++)
        for (uint64_t first = l->bucket[b].first, i = first + 1; i < first + l->bucket[b].size; i++)
            if (of[i].high == of[first].high && of[i].low == of[first].low)
                add(claims, &(struct pair){.left = row[first], .right = row[i]}, 1);
    free(of);
    free(row);
}

/* Collective. Rows whose hashes are equal meet at the owner of the key. */
static struct claims make_claims(struct comm *c, struct pool *pool, const struct suspects *of,
                                 uint64_t most) {
    struct shard shard = *of->shard; /* as of one input: no row is a right one */
    shard.self_join = true;
    shard.old = 0;
    struct metrics not_of_the_join = {0};
    struct band_keys keys = make_keys(of);
    struct owner owner = {.comm = c,
                          .pool = pool,
                          .shard = &shard,
                          .keys = &keys,
                          .metrics = &not_of_the_join,
                          .keeps_giants = true};
    struct claims claims = {.shard = of->shard};
    owner_open(&owner, most);
    for (uint64_t r = 0; r < owner.n_rounds; r++) {
        uint64_t any = owner_round(&owner, r, NULL) > 0;
        comm_max(c, &any, 1);
        for (int t = 0; any && t < pool_threads(pool); t++)
            claim(c, &shard, &owner.lists[t], of->hash, most, &claims);
    }
    owner_close(&owner);
    free(keys.key);
    return claims;
}

struct comparison {
    const struct suspects *of;
    struct claims *claims;
    bool *equal;
};

static void compare(void *ctx, uint64_t k, const void *row, uint64_t items) {
    struct comparison *job = ctx;
    const struct records *r = job->of->records;
    const struct shard *s = job->of->shard;
    uint64_t mine = job->claims->claim[k].right - s->start[s->rank];
    job->equal[k] =
        records_length(r, mine) == items && memcmp(records_row(r, mine), row, items * r->item) == 0;
}

/* Collective. The holders of rows compare them with the first ones, and drop claims that are not true. */
static void verify(struct comm *c, struct pool *pool, const struct suspects *of, struct claims *l,
                   uint64_t most) {
    struct comparison job = {of, l, mem_alloc(l->n, sizeof *job.equal)};
    uint64_t *first = mem_alloc(l->n, sizeof *first), kept = 0;
    for (uint64_t k = 0; k < l->n; k++)
        first[k] = l->claim[k].left;
    visit_rows(c, pool, of->shard, of->records, first, l->n, most, compare, &job);
    for (uint64_t k = 0; k < l->n; k++)
        if (job.equal[k])
            l->claim[kept++] = l->claim[k];
    l->n = kept;
    free(first);
    free(job.equal);
}

/* (left, right) of each claim, or turned around, sorted; to free. */
static struct u64_pair *sorted(struct pool *pool, const struct claims *l, bool turned) {
    struct u64_pair *p = mem_alloc(l->n, sizeof *p), *scratch = mem_alloc(l->n, sizeof *scratch);
    for (uint64_t k = 0; k < l->n; k++)
        p[k] = turned ? (struct u64_pair){l->claim[k].right, l->claim[k].left}
                      : (struct u64_pair){l->claim[k].left, l->claim[k].right};
    sort_pairs(pool, p, scratch, l->n);
    free(scratch);
    return p;
}

/* What this rank's rows stand for: of all n pairs (first, row), sorted. */
static void list_stood_for(struct duplicates *d, const struct shard *s, const struct u64_pair *p,
                           uint64_t n) {
    uint64_t rows = shard_local_rows(s), *other = mem_alloc(n, sizeof *other), at = 0;
    d->stood_for = (struct records){.n = rows, .item = sizeof *other, .data = other};
    d->stood_for.offset = mem_zero(rows + 1, sizeof *d->stood_for.offset);
    uint32_t *length = mem_alloc(rows, sizeof *length);
    d->lengths = (struct records){.n = rows, .item = sizeof *length, .width = 1, .data = length};
    for (uint64_t row = 0; row < rows; row++) {
        for (; at < n && p[at].first == s->start[s->rank] + row; at++)
            other[at] = p[at].second;
        d->stood_for.offset[row + 1] = at;
        length[row] = (uint32_t)records_length(&d->stood_for, row);
        d->groups += length[row] > 0;
    }
}

/* Collective. Of all ranks. */
static void count(struct duplicates *d, struct comm *c, const struct suspects *of) {
    for (uint64_t i = 0; i < d->n; i++)
        d->of_input[d->left_out[i].first - of->shard->start[of->shard->rank] >= of->left]++;
    for (uint64_t row = 0; row < d->stood_for.n; row++) {
        uint64_t others = records_length(&d->stood_for, row);
        d->mates += others * (others + 1) / 2;
    }
    comm_sum(c, d->of_input, 2);
    comm_sum(c, &d->mates, 1);
}

static void leave_out(const struct duplicates *d, const struct suspects *of) {
    uint64_t *row = mem_alloc(d->n, sizeof *row);
    for (uint64_t i = 0; i < d->n; i++)
        row[i] = d->left_out[i].first - of->shard->start[of->shard->rank];
    records_leave_out(of->records, row, d->n);
    free(row);
}

void duplicates_find(struct duplicates *d, struct comm *c, struct pool *pool, const struct suspects *of,
                     uint64_t most) {
    *d = (struct duplicates){0};
    struct claims claims = make_claims(c, pool, of, most);
    route(c, &claims, holder_of_row, most);
    verify(c, pool, of, &claims, most);
    d->all = d->n = claims.n;
    comm_sum(c, &d->all, 1);
    if (d->all > 0) {
        d->left_out = sorted(pool, &claims, true);
        route(c, &claims, holder_of_first, most);
        struct u64_pair *by_first = sorted(pool, &claims, false);
        list_stood_for(d, of->shard, by_first, claims.n);
        free(by_first);
        count(d, c, of);
        leave_out(d, of);
    }
    free(claims.claim);
}

void duplicates_free(struct duplicates *d) {
    free(d->left_out);
    records_free(&d->stood_for);
    records_free(&d->lengths);
    *d = (struct duplicates){0};
}
