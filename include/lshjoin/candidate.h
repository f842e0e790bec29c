/* From buckets to candidate pairs. Every pair has one home, the rank of its left or of its right row, by a
 * hash of both, and travels there once for every band in which it collides. */
#ifndef LSHJOIN_CANDIDATE_H
#define LSHJOIN_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/base.h"
#include "lshjoin/bucket.h"
#include "lshjoin/shard.h"
#include "lshjoin/sort.h"

/* A pair as its home sees it. `first` is the other row, relative to home's first (shard_relative), so below
 * home's number of rows when it lives here too; `second` is home's own row (local number) << 18 | whether
 * that is the left one << 17 | band << 1 | whether the left row asks. */
static inline uint32_t candidate_mine(struct u64_pair c) {
    return (uint32_t)(c.second >> 18);
}

static inline bool candidate_mine_is_left(struct u64_pair c) {
    return c.second >> 17 & 1;
}

static inline uint32_t candidate_band(struct u64_pair c) {
    return (uint32_t)(c.second >> 1 & 0xffff);
}

/* Which of a pair's possible collisions this copy is: 2 * band, plus 1 where the left row asks and the right
 * one stores. */
enum { CANDIDATE_SLOT_BITS = 17, CANDIDATE_SLOT = (1 << CANDIDATE_SLOT_BITS) - 1 };
static inline uint32_t candidate_slot(struct u64_pair c) {
    return (uint32_t)(c.second & CANDIDATE_SLOT);
}

/* Whether two are of one pair. */
static inline bool candidate_same(struct u64_pair a, struct u64_pair b) {
    return a.first == b.first && a.second >> CANDIDATE_SLOT_BITS == b.second >> CANDIDATE_SLOT_BITS;
}

/* Whether the home of a pair of rows (global numbers) is its left one's rank, by a coin that falls the same
 * way for all; or, where one row is held by none, by the other. */
static inline bool candidate_is_at_left(const struct shard *s, uint64_t left, uint64_t right) {
    if (!shard_holds(s, left) || !shard_holds(s, right))
        return shard_holds(s, left);
    uint64_t coin =
        (uint64_t)(((unsigned __int128)mix64(left * 0x9e3779b97f4a7c15u + right) * s->rows) >> 64);
    return coin < (s->self_join ? s->rows / 2 : s->split); /* the smaller input's ranks get a smaller part */
}

/* A pair as that home sees it. */
static inline struct u64_pair candidate_at(const struct shard *s, int home, uint64_t left, uint64_t right,
                                           bool is_at_left, uint32_t slot) {
    uint64_t mine = (is_at_left ? left : right) - s->start[home];
    return (struct u64_pair){shard_relative(s, home, is_at_left ? right : left),
                             mine << 18 | (uint64_t)is_at_left << 17 | slot};
}

/* Where an enumeration of pairs stands: the first five are given, the rest starts as zero. */
struct pair_cursor {
    const struct shard *shard;
    bool exclusive; /* leave out pairs with equal row numbers in their inputs */
    bool ordered;   /* the row that asks is the left one; else the one of the lower number */
    const struct bucket_list *lists;
    int n_lists;

    int list;
    uint64_t bucket; /* in the list */
    enum { BUCKET_CLOSED, BUCKET_STORED, BUCKET_ASKED, BUCKET_ASKED_RIGHT } part;
    /* Within a bucket's part, as places in the bucket: its pairs are those of x < y in these ranges; the tile
     * that is worked on; the next pair in it. */
    uint64_t x_begin, x_end, y_begin, y_end, tile_x, tile_y, x, y;
    int *rank; /* [rank_capacity] who holds each row of the bucket */
    uint64_t rank_capacity;
};

/* Enumerates pairs into slots: those with home h to slot[h*slot_size ...], counted in n[h] (zeroed first),
 * until the next pair finds its slot full. Tile by tile, so that a stretch of pairs of a giant bucket touches
 * few rows. True when pairs are left. */
bool pair_cursor_next(struct pair_cursor *cursor, struct u64_pair *slots, uint64_t slot_size, uint64_t *n);
void pair_cursor_free(struct pair_cursor *cursor);

#endif
