/* Sketches: all symbols of a record in one small block, from which everything comes that is asked before the
 * records themselves are compared.
 *
 * A sketch is `pool` symbols of 8 bits or of 1, in words of 64 bits (family.h). A pair meets in a band where
 * the symbols that the band reads are equal. It is a candidate in the lowest such band, if it agrees in at
 * least `cut` symbols in all: so each pair is a candidate once, whoever finds it, and nothing has to be
 * remembered. By chance keys of different symbols may be equal; such a pair does not meet. */
#ifndef LSHJOIN_SKETCH_H
#define LSHJOIN_SKETCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/band.h"
#include "lshjoin/cpu.h"
#include "lshjoin/drawing.h"

struct sketching {
    uint32_t words, symbols, symbol_bits, bands, rows, cut;
    uint32_t *pick;   /* [bands][rows] the symbols that a band reads */
    uint64_t *mask;   /* [bands][words] the bits that a band reads */
    uint64_t *reads;  /* [bands, to a multiple of 8] the same of 64 symbols, a bit for each */
    uint64_t *factor; /* [words] odd: what a key multiplies them by */
    enum simd simd;
    bool counts_bits; /* cpu_counts_bits */
};

/* Words of a sketch. */
static inline uint32_t sketch_words(const struct drawing *d) {
    return d->pool * d->symbol_bits / 64;
}

/* Of a drawing whose symbol_bits are 1 or 8, and whose pool fills whole words. Free with sketching_free. */
struct sketching sketching_create(const struct drawing *d, enum simd simd);
void sketching_free(struct sketching *s);

/* key[n]: those of n sketches in a band. As band_key: even, and never BAND_NO_KEY. */
void sketch_keys(const struct sketching *s, const uint64_t *sketch, uint64_t n, uint32_t band, uint64_t *key);

/* What a rank knows of its records: their sketches, and which of them pair with anything. */
struct sketches {
    struct records words; /* [n][sketch_words] */
    bool *pairs;          /* [n] */
};

/* Sketch every record with functions drawn as `drawing` says. told(ctx, rows) is called now and then, unless
 * it is NULL, with the number of records that are done. */
struct sketches sketches_create(struct pool *pool, const struct family *family, const struct records *records,
                                const struct drawing *drawing, void (*told)(void *ctx, uint64_t rows),
                                void *ctx);
void sketches_free(struct sketches *s);

/* The keys of all records in bands [band, band_end), as bucket.h wants them, to free by free(keys.key). */
struct band_keys sketches_keys(const struct sketches *s, const struct sketching *sketching, struct pool *pool,
                               uint32_t band, uint32_t band_end);

/* The number of symbols in which two agree. */
uint32_t sketch_agreeing(const struct sketching *s, const uint64_t *a, const uint64_t *b);

/* Which of n sketches b[n][words] are candidates with a, in whose bucket of `band` they are: their numbers,
 * rising, into place[n]. Returns how many. */
uint32_t sketch_candidates(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t n,
                           uint32_t band, uint32_t *place);

#endif
