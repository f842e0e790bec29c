/* Bands: r symbols of a signature. Two records collide in a band when all its symbols are equal. */
#ifndef LSHJOIN_BAND_H
#define LSHJOIN_BAND_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/family.h"
#include "lshjoin/pool.h"
#include "lshjoin/records.h"

/* A 63-bit hash of the n words of band number `band`, even and never BAND_NO_KEY. Depends on nothing else.
 * The lowest bit is left for a key's role: BAND_ASKS marks that of a record that asks (see family.h). */
#define BAND_NO_KEY ((uint64_t)0)
#define BAND_ASKS ((uint64_t)1)
uint64_t band_key(const uint32_t *words, uint32_t n, uint32_t band);

/* The keys of a rank's records. In each band first those that the n records store, then, variant by variant,
 * those that the first `asking` of them ask for: key[bands][band_keys_each]. BAND_NO_KEY where a record has
 * none: it pairs with nothing, or only asks. */
struct band_keys {
    uint64_t n, asking;
    uint32_t bands, variants; /* see family.h */
    uint64_t *key;
};

static inline uint64_t band_keys_each(const struct band_keys *k) {
    return k->n + (k->variants - 1) * k->asking;
}

/* The record that key number i of a band belongs to. */
static inline uint64_t band_keys_row(const struct band_keys *k, uint64_t i) {
    return i < k->n ? i : (i - k->n) % k->asking;
}

/* Parts of a digest from which on copies of a pair better wait for each other than be told apart by digests.
 */
enum { BAND_WIDE_DIGEST = 256 };

/* What a rank knows of its records after hashing. */
struct signatures {
    struct band_keys keys;
    bool is_asymmetric; /* two that store do not meet */
    bool is_directed;   /* and it is the left one of a pair that asks */
    /* A row of `bands` equal parts for each record, two of which are equal exactly where the records collide:
     * the symbols, where they are kept, else all variants' keys once more, put together by signatures_digest.
     */
    struct records digest;
};

/* Sign every record with functions drawn as `drawing` says and make its keys. keep_symbols: the digest is the
 * symbols' words, so that a chance collision of keys is told from a true one (not with several
 * variants). Rows below `split` ask and the others do not, unless `split` is UINT64_MAX; where two that store
 * do not meet, the former do not store either. told(ctx, rows)
 * is called now and then, unless it is NULL, with the number of records that are done. */
struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, const struct drawing *drawing,
                                    uint64_t split, bool keep_symbols, void (*told)(void *ctx, uint64_t rows),
                                    void *ctx);
void signatures_free(struct signatures *s);

/* The digest, made now unless it is there. */
const struct records *signatures_digest(struct signatures *s, struct pool *pool);

/* A pair meets in slot 2 * band where the right record asks for what the left one stores, or both store the
 * same; in slot 2 * band + 1 where the left one asks. Of two digests: the lowest such slot, or 2 * bands; and
 * the number of bands in which the pair meets. */
uint32_t band_first_slot(const struct signatures *s, const void *left, const void *right);
uint32_t band_count(const struct signatures *s, const void *left, const void *right);

#endif
