/* From band keys to buckets: partition to bins, of which each rank owns an equal range, then group each bin
 * in cache.
 *
 * A key falls in bin floor(key * owners * per_owner / 2^64); owner o has bins [o*per_owner, (o+1)*per_owner).
 */
#ifndef LSHJOIN_BUCKET_H
#define LSHJOIN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/band.h"
#include "lshjoin/pool.h"
#include "lshjoin/shard.h"

struct bins {
    uint32_t owners, per_owner;
};

/* Bins for about `rows` keys a band in all: few enough for one pass to scatter to and, as far as that goes,
 * small enough to be grouped in cache; and so that a bin's tuples from or for one rank are a small part of
 * `most` tuples. */
struct bins bins_choose(uint32_t owners, uint64_t rows, uint64_t most);

/* What travels: a key and the sender's own number of the row. 12 bytes. */
struct tuple {
    uint32_t key_high, key_low, row;
};

/* A part of the work between two exchanges: of bands [band, band_end) the bins [bin, bin_end) of every owner.
 * More than one band only with all bins. */
struct round {
    uint32_t band, band_end, bin, bin_end;
};

static inline uint64_t round_bins(const struct round *r) {
    return (uint64_t)(r->band_end - r->band) * (r->bin_end - r->bin);
}

static inline bool round_is_whole(const struct round *r, uint32_t per_owner) {
    return r->bin == 0 && r->bin_end == per_owner;
}

/* counts[owner][band][bin of the owner] of the keys. */
void bucket_count(struct pool *pool, const struct band_keys *keys, struct bins bins, uint64_t *counts);

/* Cut all bands and bins into rounds that hold at most `most` tuples each, or one bin where that has more.
 * load[band][bin of an owner]: the most tuples that any rank sends or receives there. *n_rounds of them, to
 * free. */
struct round *bucket_rounds(const uint64_t *load, uint32_t bands, struct bins bins, uint64_t most,
                            uint64_t *n_rounds);

/* The tuples of a round, ordered by owner, band, bin and place of the key: out[sum of the round's counts].
 * counts: those of bucket_count. */
void bucket_partition(struct pool *pool, const struct band_keys *keys, struct bins bins,
                      const uint64_t *counts, struct round round, struct tuple *out);

/* Where the tuples of a round lie that came by sender, band and bin: segment[senders][round_bins + 1], the
 * last of a sender being where its tuples end; counts[senders][bands][per_owner] of all rounds. To free. */
uint64_t *bucket_segments(const uint64_t *counts, uint64_t senders, uint32_t bands, uint32_t per_owner,
                          struct round round);

/* Who meets whom, by the numbers of rows: of two that store, x < y, those with x < left_end and y >= right;
 * one that asks and one that stores, if either is >= right. */
struct sides {
    uint64_t left_end, right;
};

/* Those of a join; where it is asymmetric two that store do not meet. */
static inline struct sides sides_of(const struct shard *s, bool is_asymmetric) {
    uint64_t border = shard_border(s);
    return (struct sides){!s->self_join ? border : is_asymmetric ? 0 : UINT64_MAX, border};
}

/* Buckets in which rows meet: bucket k of `band` holds `size` rows at row[first], those that store first and
 * rising, then those that ask. A record may stand in it twice, in both roles. Of those that store the first
 * `left` ones meet those at `right` and behind, each pair once. Those that ask meet the latter too, and those
 * of them at `asked_right` and behind also the ones before `right`. */
struct bucket {
    uint64_t first;
    uint32_t size, stored, left, right, asked_right, band;
};

/* How many pairs are in it. */
static inline uint64_t bucket_pairs(const struct bucket *b) {
    uint64_t left = b->left, right = b->right, stored = b->stored, both = left > right ? left - right : 0;
    return left * (stored - right) - both * (both + 1) / 2 + (stored - right) * (b->size - stored) +
           right * (b->size - b->asked_right);
}

struct bucket_list {
    uint64_t n, capacity;
    struct bucket *bucket;
    uint64_t n_rows, row_capacity;
    uint64_t *row; /* global numbers << 1 | whether the record asks (BAND_ASKS) */
};

/* Records of a list that have a key, rising, as the list counts them. */
struct met {
    const uint32_t *row;
    uint64_t n;
};

/* Records that nobody sends: lists of them in which the keys that were sent are looked up. They are all on
 * the left and before those that are sent, or on the right, behind those, and then none of them asks. */
struct lookup {
    int lists;
    const uint64_t *start; /* [lists] the global number of a list's record 0, rising */
    const bool *asks;      /* [lists] whether its records ask for their keys */
    bool is_before;
    /* The records of a list that have the n different keys of a band, into met[n]; they stay until the
     * thread's next call for that list. */
    void (*find)(void *ctx, int list, uint32_t band, const uint64_t *key, uint64_t n, int thread,
                 struct met *met);
    void *ctx;
};

/* What an owner received in a round. */
struct arrived {
    const struct tuple *tuples; /* by sender, band and bin, as sent */
    const uint64_t *counts;     /* [senders][bands][per_owner] of all rounds */
    const uint64_t *start;      /* [senders] the global number of the sender's first row */
    uint32_t senders, bands;
    struct bins bins;
    struct round round;
    struct sides sides;
    const struct lookup *lookup; /* or NULL */
};

/* Group it, with what is looked up. Buckets without a pair are left out. One list a thread, in lists
 * [pool_threads], emptied first; in which list a bucket stands may differ from run to run. */
void bucket_group(struct pool *pool, const struct arrived *a, struct bucket_list *lists);
/* Room for more. */
void bucket_list_reserve(struct bucket_list *list, uint64_t buckets, uint64_t rows);
void bucket_list_free(struct bucket_list *list);

/* All of that at once, where one rank holds all keys. Returns how many pairs the buckets have. */
double bucket_all(struct pool *pool, const struct band_keys *keys, struct sides sides,
                  struct bucket_list *lists);

#endif
