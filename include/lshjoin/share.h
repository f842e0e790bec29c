/* Giant buckets, taken out of the others and cut into parts that several ranks can have: one of m rows has
 * m (m - 1) / 2 pairs, and would keep its owner busy long after all others. */
#ifndef LSHJOIN_SHARE_H
#define LSHJOIN_SHARE_H

#include <stdint.h>

#include "lshjoin/bucket.h"

/* Take the buckets of more than `rows` rows or more than `pairs` pairs out of n_lists lists. Returns them, to
 * be freed by bucket_list_free. */
struct bucket_list share_take(struct bucket_list *lists, int n_lists, uint64_t rows, uint64_t pairs);

/* The pairs of the rows at places [x, x_end) of a bucket with those at [y, y_end) behind them; where both are
 * the same, of these with each other. */
struct share_part {
    uint64_t bucket; /* in its list */
    uint32_t x, x_end, y, y_end;
};

/* Cut all pairs of the list's buckets into parts of about `pairs` pairs or less, so that parts which follow
 * each other have rows in common. *n of them, to free. */
struct share_part *share_cut(const struct bucket_list *list, uint64_t pairs, uint64_t *n);

/* The part as a bucket of its own, but for the place of its rows. */
struct bucket share_bucket(const struct bucket_list *list, const struct share_part *part);

/* Its rows, to row[size]. */
void share_rows(const struct bucket_list *list, const struct share_part *part, uint64_t *row);

/* Who gets what. Of each of `ranks` ranks: pairs it keeps, and pairs in parts that it deals out; as if all
 * dealt were laid out on a line, rank by rank, part by part, those whose middle lies in [edge[r], edge[r+1])
 * are for rank r, so that all have about the same number in the end. edge[ranks+1]. */
struct share_load {
    uint64_t kept, dealt;
};
void share_edges(const struct share_load *load, uint64_t ranks, uint64_t *edge);

#endif
