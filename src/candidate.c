#include "lshjoin/candidate.h"

#include <stdlib.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"

enum { TILE = 1024 };

static const struct bucket *current_bucket(const struct pair_cursor *c) {
    return &c->lists[c->list].bucket[c->bucket];
}

static const uint64_t *current_rows(const struct pair_cursor *c) {
    return c->lists[c->list].row + current_bucket(c)->first;
}

static void open_bucket(struct pair_cursor *c) {
    uint64_t size = current_bucket(c)->size;
    const uint64_t *row = current_rows(c);
    if (size > c->rank_capacity) {
        c->rank_capacity = 2 * size;
        c->rank = mem_grow(c->rank, c->rank_capacity, sizeof *c->rank);
    }
    for (uint64_t i = 0; i < size; i++)
        c->rank[i] = shard_rank(c->shard, row[i] >> 1);
}

/* Two rows that store meet, then one that stores and one that asks. */
static void open_part(struct pair_cursor *c) {
    const struct bucket *b = current_bucket(c);
    c->x_begin = c->part == BUCKET_ASKED ? b->right : 0;
    c->x_end = c->part == BUCKET_STORED ? b->left : c->part == BUCKET_ASKED ? b->stored : b->right;
    c->y_begin = c->part == BUCKET_STORED ? b->right : c->part == BUCKET_ASKED ? b->stored : b->asked_right;
    c->y_end = c->part == BUCKET_STORED ? b->stored : b->size;
    c->tile_x = c->x = c->x_begin;
    c->tile_y = max_u64(c->y_begin, c->x_begin);
    c->y = 0;
}

/* Put the pair of the rows at x and y (places in the bucket) into the slot of its home. False when that is
 * full. */
static bool put_pair(const struct pair_cursor *c, const uint64_t *row, uint64_t x, uint64_t y, uint32_t band,
                     struct u64_pair *slots, uint64_t slot_size, uint64_t *n) {
    const struct shard *s = c->shard;
    bool x_is_left = c->ordered ? row[x] & BAND_ASKS : row[x] >> 1 < row[y] >> 1;
    uint64_t left_place = x_is_left ? x : y, right_place = x + y - left_place;
    uint64_t left = row[left_place] >> 1, right = row[right_place] >> 1;
    if (left == right || (c->exclusive && left + s->split == right))
        return true;
    bool at_left = candidate_is_at_left(s, left, right);
    int home = c->rank[at_left ? left_place : right_place];
    if (n[home] == slot_size)
        return false;
    slots[(uint64_t)home * slot_size + n[home]++] =
        candidate_at(s, home, left, right, at_left, band << 1 | (uint32_t)(row[left_place] & BAND_ASKS));
    return true;
}

/* The rest of the open part of a bucket. False when a slot is full; c->x and c->y then say where to go on. */
static bool put_part(struct pair_cursor *c, struct u64_pair *slots, uint64_t slot_size, uint64_t *n) {
    const uint64_t *row = current_rows(c);
    uint32_t band = current_bucket(c)->band;
    for (; c->tile_x < c->x_end;
         c->tile_x += TILE, c->tile_y = max_u64(c->y_begin, c->tile_x), c->x = c->tile_x) {
        for (; c->tile_y < c->y_end; c->tile_y += TILE, c->x = c->tile_x) {
            uint64_t x_end = min_u64(c->tile_x + TILE, c->x_end), y_end = min_u64(c->tile_y + TILE, c->y_end);
            for (; c->x < x_end; c->x++, c->y = 0)
                for (c->y = max_u64(c->y, max_u64(c->tile_y, c->x + 1)); c->y < y_end; c->y++)
                    if (!put_pair(c, row, c->x, c->y, band, slots, slot_size, n))
                        return false;
        }
    }
    return true;
}

/* The rest of the bucket, part by part. */
static bool put_bucket(struct pair_cursor *c, struct u64_pair *slots, uint64_t slot_size, uint64_t *n) {
    if (c->part == BUCKET_CLOSED)
        open_bucket(c);
    else if (!put_part(c, slots, slot_size, n))
        return false;
    while (c->part != BUCKET_ASKED_RIGHT) {
        c->part++;
        open_part(c);
        if (!put_part(c, slots, slot_size, n))
            return false;
    }
    c->part = BUCKET_CLOSED;
    return true;
}

bool pair_cursor_next(struct pair_cursor *c, struct u64_pair *slots, uint64_t slot_size, uint64_t *n) {
    for (int rank = 0; rank < c->shard->ranks; rank++)
        n[rank] = 0;
    for (; c->list < c->n_lists; c->list++, c->bucket = 0)
        for (; c->bucket < c->lists[c->list].n; c->bucket++)
            if (!put_bucket(c, slots, slot_size, n))
                return true;
    return false;
}

void pair_cursor_free(struct pair_cursor *c) {
    free(c->rank);
    *c = (struct pair_cursor){0};
}
