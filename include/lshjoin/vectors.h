/* What the families of vectors share: projections, and the words that become of them with and without
 * probes. */
#ifndef LSHJOIN_VECTORS_H
#define LSHJOIN_VECTORS_H

#include "lshjoin/family.h"
#include "lshjoin/probe.h"
#include "lshjoin/project.h"

struct vector_signer {
    struct project project;
    struct drawing drawing;
    uint32_t *pick;   /* see drawing_picks */
    double per_width; /* 1 / drawing.width */
    double *shift;    /* [m] of p-stable hashing, uniform in [0, width) */
    double *extra[2]; /* [m] inner product: the directions' coordinates that the transforms add */
};

/* A signer of records like these; of a struct family. */
void *vectors_create(const struct drawing *d, const struct records *like);
void vectors_destroy(void *signer);

/* The hash value that is row k of all bands' rows. */
static inline uint32_t vectors_value(const struct vector_signer *s, uint32_t k) {
    return s->pick ? s->pick[k] : k;
}

/* A record's words, asking and storing alike: its own and its probes'. */
static inline uint64_t vectors_variants(const struct vector_signer *s) {
    return 1 + s->drawing.probes;
}

/* What a call of `sign` needs for a while. */
struct vector_work {
    float *product;   /* [rows of the call][stride] */
    float *sum;       /* [m] */
    uint32_t *bucket; /* [m] */
    struct probe probe;
    struct move *move; /* [2 * rows of a band] */
    uint32_t *chosen;  /* [rows of a band] */
    bool asks;         /* the record that is worked on */
};

/* What the products of a record, [m], become: the words of its variants. */
typedef void vector_words(const struct vector_signer *s, struct vector_work *w, const float *product,
                          const struct records *r, uint64_t row, uint32_t *words);

/* The words of rows [lo, hi), n_words each, by `turn`; the rest as in struct family. */
void vectors_sign(const struct vector_signer *s, const struct records *r, uint64_t lo, uint64_t hi,
                  uint64_t asking, uint32_t *words, uint64_t n_words, bool *pairs, vector_words *turn);

/* What the products of a record, [pool], become: the words of its sketch. */
typedef void vector_bits(const struct vector_signer *s, const float *product, uint64_t *words);

/* The sketches of rows [lo, hi), by `turn`; as in struct family. */
void vectors_sketch(const struct vector_signer *s, const struct records *r, uint64_t lo, uint64_t hi,
                    uint64_t *words, bool *pairs, vector_bits *turn);

/* How a kind of symbols is probed. */
struct vector_probing {
    /* The moves of a band by the record's products; row `first` of all bands' is its first. Returns how many.
     */
    uint32_t (*moves)(const struct vector_signer *s, const float *product, uint32_t first, struct move *move);
    void (*apply)(uint32_t *words, const struct move *move); /* to a band's words */
};

/* The words [probes][bands][each] of the best probes around those at `base`, if the record asks. */
void vectors_probe(const struct vector_signer *s, struct vector_work *w, const struct vector_probing *probing,
                   const float *product, const uint32_t *base, uint32_t each, uint32_t *words);

/* cpu_simd, asked once: for what is done with every pair. */
enum simd vectors_simd(void);

#endif
