/* Which rank holds which rows. Rows of the first input are numbered 0 .. split-1, those of the second follow
 * from split (== rows in a self-join). Where new rows join old ones and each other, this is a self-join in
 * which the first `old` rows do not meet. Rank k holds the contiguous rows [start[k], start[k+1]); old rows
 * before the first rank's, or behind the last one's, are held by none, but looked up in an index. */
#ifndef LSHJOIN_SHARD_H
#define LSHJOIN_SHARD_H

#include <stdbool.h>
#include <stdint.h>

/* Most rows of one job (40 bits) and of one rank: what the records on the wire have room for. */
#define SHARD_MAX_ROWS ((uint64_t)1 << 40)
#define SHARD_MAX_LOCAL ((uint64_t)UINT32_MAX)

struct shard {
    int ranks, rank;
    bool self_join; /* pairs within the one input; else between the first and the second */
    uint64_t rows, split, old;
    uint64_t *start; /* [ranks+1] */
};

/* The rank that holds a row < rows. */
int shard_rank(const struct shard *s, uint64_t row);

/* Two rows below this do not meet. */
static inline uint64_t shard_border(const struct shard *s) {
    return s->self_join ? s->old : s->split;
}

static inline uint64_t shard_local_rows(const struct shard *s) {
    return s->start[s->rank + 1] - s->start[s->rank];
}

/* Rows that are held by some rank. */
static inline uint64_t shard_held(const struct shard *s) {
    return s->start[s->ranks] - s->start[0];
}

static inline bool shard_holds(const struct shard *s, uint64_t row) {
    return row >= s->start[0] && row < s->start[s->ranks];
}

/* The first of the rows that are held by none. */
static inline uint64_t shard_first_old(const struct shard *s) {
    return s->start[0] > 0 ? 0 : s->start[s->ranks];
}

/* Rows as a rank counts them, from its own first row on and around: its own rows are 0 .. local-1, and those
 * that no rank holds come last. Sorted by this, every rank asks its right neighbour first, so no rank is
 * asked by all at once. */
static inline uint64_t shard_relative(const struct shard *s, int rank, uint64_t row) {
    if (!shard_holds(s, row))
        return shard_held(s) + row - shard_first_old(s);
    return row >= s->start[rank] ? row - s->start[rank] : row + shard_held(s) - s->start[rank];
}

static inline uint64_t shard_absolute(const struct shard *s, int rank, uint64_t relative) {
    if (relative >= shard_held(s))
        return relative - shard_held(s) + shard_first_old(s);
    uint64_t row = relative + s->start[rank];
    return row >= s->start[s->ranks] ? row - shard_held(s) : row;
}

#endif
