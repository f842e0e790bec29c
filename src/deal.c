#include "deal.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/share.h"

enum {
    LEAST_PAIRS = 1 << 16, /* that the busiest rank has: less is not worth the way */
    PARTS_EACH = 8         /* of an even share: what a rank may have too many or too few */
};

/* The parts that this rank deals out. */
struct dealing {
    struct comm *c;
    struct bucket_list giants;
    struct share_part *part;
    uint64_t n, next; /* parts, and the first that has not gone */
    uint64_t place;   /* of that, on the line of all dealt pairs */
    uint64_t *edge;   /* [ranks+1] */
    int rank;         /* that it goes to, or a later one */
};

/* What all ranks keep and deal, by rank; to free. */
static struct share_load *gather_loads(struct comm *c, struct share_load mine) {
    uint64_t ranks = 0, all = 0;
    return comm_gather(c, sizeof mine, &mine, 1, 0, &ranks, &all);
}

static void lay_out(struct dealing *d, struct share_load mine) {
    uint64_t ranks = (uint64_t)comm_size(d->c);
    struct share_load *load = gather_loads(d->c, mine);
    d->edge = mem_alloc(ranks + 1, sizeof *d->edge);
    share_edges(load, ranks, d->edge);
    for (int rank = 0; rank < comm_rank(d->c); rank++)
        d->place += load[rank].dealt;
    free(load);
}

/* What goes in one exchange, by receiver. */
struct parcel {
    uint64_t n, n_rows, *of_rank; /* [ranks] buckets, then [ranks] rows */
    struct bucket *bucket;
    uint64_t *row;
};

/* The next parts, of about `most` rows or one. */
static struct parcel pack(struct dealing *d, uint64_t most) {
    uint64_t ranks = (uint64_t)comm_size(d->c), end = d->next;
    struct parcel p = {.of_rank = mem_zero(2 * ranks, sizeof *p.of_rank)};
    for (; end < d->n && (p.n == 0 || p.n_rows < most); end++, p.n++)
        p.n_rows += share_bucket(&d->giants, &d->part[end]).size;
    p.bucket = mem_alloc(p.n, sizeof *p.bucket);
    p.row = mem_alloc(p.n_rows, sizeof *p.row);
    p.n = p.n_rows = 0;
    for (; d->next < end; d->next++) {
        struct bucket bucket = share_bucket(&d->giants, &d->part[d->next]);
        uint64_t middle = d->place + bucket_pairs(&bucket) / 2;
        while ((uint64_t)d->rank + 1 < ranks && middle >= d->edge[d->rank + 1])
            d->rank++;
        share_rows(&d->giants, &d->part[d->next], p.row + p.n_rows);
        p.bucket[p.n++] = bucket;
        p.n_rows += bucket.size;
        p.of_rank[d->rank]++;
        p.of_rank[ranks + (uint64_t)d->rank] += bucket.size;
        d->place += bucket_pairs(&bucket);
    }
    return p;
}

static uint64_t sum(const uint64_t *n, uint64_t ranks) {
    uint64_t all = 0;
    for (uint64_t rank = 0; rank < ranks; rank++)
        all += n[rank];
    return all;
}

/* Collective. Send a parcel, and put what comes behind the list. Returns how many pairs that is. */
static uint64_t send(struct comm *c, struct parcel p, struct bucket_list *list) {
    uint64_t ranks = (uint64_t)comm_size(c), *came = mem_alloc(2 * ranks, sizeof *came), pairs = 0;
    comm_counts(c, p.of_rank, came, 1);
    comm_counts(c, p.of_rank + ranks, came + ranks, 1);
    struct bucket *bucket = comm_exchange(c, sizeof *bucket, p.bucket, p.of_rank, came);
    uint64_t *row = comm_exchange(c, sizeof *row, p.row, p.of_rank + ranks, came + ranks);
    uint64_t n = sum(came, ranks), n_rows = sum(came + ranks, ranks);
    bucket_list_reserve(list, n, n_rows);
    if (n_rows > 0) /* an empty list has no rows to add to */
        memcpy(list->row + list->n_rows, row, n_rows * sizeof *row);
    for (uint64_t k = 0; k < n; k++) {
        pairs += bucket_pairs(&bucket[k]);
        bucket[k].first = list->n_rows;
        list->n_rows += bucket[k].size;
        list->bucket[list->n++] = bucket[k];
    }
    free(bucket);
    free(row);
    free(came);
    free(p.of_rank);
    return pairs;
}

uint64_t deal_buckets(struct comm *c, struct bucket_list *lists, int n_lists, uint64_t pairs, uint64_t most) {
    uint64_t all = pairs, busiest = pairs, ranks = (uint64_t)comm_size(c);
    comm_sum(c, &all, 1);
    comm_max(c, &busiest, 1);
    if (busiest < LEAST_PAIRS || busiest - all / ranks < busiest / PARTS_EACH)
        return pairs;
    uint64_t each = max_u64(1, all / ranks / PARTS_EACH);
    struct dealing d = {.c = c, .giants = share_take(lists, n_lists, UINT64_MAX, each)};
    struct share_load mine = {.kept = pairs};
    for (uint64_t k = 0; k < d.giants.n; k++)
        mine.dealt += bucket_pairs(&d.giants.bucket[k]);
    mine.kept -= mine.dealt;
    d.part = share_cut(&d.giants, each, &d.n);
    lay_out(&d, mine);
    pairs = mine.kept;
    for (uint64_t left = true; left;) {
        pairs += send(c, pack(&d, most / sizeof(uint64_t)), &lists[0]);
        left = d.next < d.n;
        comm_max(c, &left, 1);
    }
    free(d.edge);
    free(d.part);
    bucket_list_free(&d.giants);
    return pairs;
}
