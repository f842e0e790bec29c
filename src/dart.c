#include "lshjoin/dart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/family.h"
#include "lshjoin/law.h"
#include "lshjoin/logarithm.h"
#include "lshjoin/weighted.h"

enum {
    GROUP = 8,      /* octaves, of each the first 8 bits of its first gap in one hash */
    OCTAVES = 2048, /* added to an octave's exponent, so that its number is never negative */
    STEP_BITS = 8,
    STEPS = 1 << STEP_BITS, /* of the table of logarithms */
    MANTISSA_BITS = 52      /* of a weight's place in its octave */
};

static const double least_chance = 0x1p-40;

struct dart_step {
    double inverse, log; /* 1 / c and, of that as it is, -ln */
};

struct dart dart_create(uint32_t m, uint64_t seed) {
    const double beyond = 2.5; /* some symbol is missing in one of 13 sets then */
    struct dart d = {m, mix64(seed + 0xd1b54a32d192ed03u), m * (natural_log(m) + beyond),
                     mem_alloc(STEPS, sizeof *d.step)};
    for (int k = 0; k < STEPS; k++) {
        double inverse = STEPS / (STEPS + k + 0.5);
        d.step[k] = (struct dart_step){inverse, -natural_log(inverse)};
    }
    return d;
}

void dart_free(struct dart *d) {
    free(d->step);
    *d = (struct dart){0};
}

struct dart_board dart_board_create(const struct dart *d) {
    return (struct dart_board){mem_alloc(d->m, sizeof(double)), mem_alloc(d->m, sizeof(uint32_t))};
}

void dart_board_free(struct dart_board *b) {
    free(b->rank);
    free(b->dart);
}

/* An exponential number, -ln(1 - u / 2^64). The least u by a series, so that they are told apart; of the
 * others 1 - u / 2^64 = m 2^e, ln m = ln c + ln(1 + r), c being the middle of one of STEPS parts of [1, 2).
 */
static inline double exponential(const struct dart *d, uint64_t u) {
    if (u >> 56 == 0) {
        double x = (double)u * 0x1p-64;
        return x * (1 + x * (1. / 2 + x * (1. / 3 + x * (1. / 4 + x * (1. / 5 + x * (1. / 6 + x / 7))))));
    }
    uint64_t v = UINT64_MAX - u + 1;
    int zeros = __builtin_clzll(v);
    v <<= zeros; /* its first bit is set */
    const struct dart_step *step = &d->step[v >> (63 - STEP_BITS) & (STEPS - 1)];
    double r = (double)(v >> 11) * 0x1p-52 * step->inverse - 1;
    double rest = r * (1 - r * (1. / 2 - r * (1. / 3 - r * (1. / 4 - r * (1. / 5)))));
    return (zeros + 1) * 0.6931471805599453 - step->log - rest;
}

/* One look at a set. */
struct look {
    const struct dart *dart;
    double limit; /* ranks times the total, which is in [1/2, 1) times 2^exponent */
    int exponent;
    uint64_t missing; /* symbols without a dart */
};

/* A dart hits the set at this rank. */
static inline void hit(struct look *l, struct dart_board *b, double rank, uint64_t hash) {
    uint32_t symbol = (uint32_t)((hash >> 32) * l->dart->m >> 32), number = (uint32_t)hash;
    l->missing -= b->rank[symbol] == INFINITY;
    if (rank < b->rank[symbol] || (rank == b->rank[symbol] && number < b->dart[symbol])) {
        b->rank[symbol] = rank;
        b->dart[symbol] = number;
    }
}

/* The darts of one octave of an element, their gaps up to `below` in all, the first of which begins with
 * `first`. Of 2^MANTISSA_BITS parts of the octave the weight reaches over `mantissa`. */
static void throw_darts(struct look *l, struct dart_board *b, uint64_t key, uint64_t first, double below,
                        uint64_t mantissa) {
    double unit = l->limit / below; /* a power of two */
    uint64_t hash = mix64(key), gap = first << 56 | hash >> 8;
    for (double sum = exponential(l->dart, gap); sum <= below; sum += exponential(l->dart, gap)) {
        if (mantissa >> MANTISSA_BITS || mix64(hash + 0x8cb92ba72f3d8dd7u) >> (64 - MANTISSA_BITS) < mantissa)
            hit(l, b, sum * unit, mix64(hash + 0xabc98388fb8fac03u));
        key += 0x9e3779b97f4a7c15u;
        gap = hash = mix64(key);
    }
}

static bool has_zero_byte(uint64_t x) {
    return ((x - 0x0101010101010101u) & ~x & 0x8080808080808080u) != 0;
}

/* The darts of an element. Most octaves of most elements have none in reach, and the first bits of the first
 * gap tell, as 1 - e^-x <= x. */
static void look_at(struct look *l, struct dart_board *b, struct weighted_wide item) {
    int above;
    double part = frexp(item.weight, &above), below = ldexp(l->limit, above - 1 - l->exponent);
    uint32_t top = (uint32_t)(above - 1 + OCTAVES), octave = top;
    uint64_t mantissa = (uint64_t)((2 * part - 1) * 0x1p52), element = mix64(item.element ^ l->dart->seed);
    for (; below >= least_chance; octave--, below /= 2) {
        uint64_t hash = mix64(element + octave / GROUP * 0x9e3779b97f4a7c15u);
        if (below < 0x1p-8 && octave % GROUP == GROUP - 1 && !has_zero_byte(hash)) {
            octave -= GROUP - 1;
            below *= 0x1p-7;
            continue;
        }
        for (;; octave--, below /= 2) {
            uint64_t first = hash >> octave % GROUP * 8 & 0xff;
            if ((double)first * 0x1p-8 <= below)
                throw_darts(l, b, mix64(hash ^ octave), first, below,
                            octave == top ? mantissa : (uint64_t)1 << MANTISSA_BITS);
            if (octave % GROUP == 0)
                break;
        }
    }
}

void dart_sign(const struct dart *d, const void *set, size_t item, uint64_t n, struct dart_board *board) {
    struct look l = {.dart = d, .missing = 1};
    double total = frexp(weighted_total(set, n, item), &l.exponent);
    for (l.limit = d->reach / total; l.missing > 0; l.limit *= 2) {
        l.missing = d->m;
        for (uint32_t k = 0; k < d->m; k++)
            board->rank[k] = INFINITY;
        for (uint64_t k = 0; k < n; k++)
            look_at(&l, board, weighted_item(set, k, item));
    }
}

struct dart_signer {
    struct dart dart;        /* of all bands: darts fall to all symbols alike */
    uint32_t first;          /* symbol that is wanted, where these are some of the bands */
    uint32_t *pick, n_picks; /* see drawing_picks */
};

static void *signer_create(const struct drawing *d, const struct records *like) {
    (void)like;
    struct dart_signer *s = mem_zero(1, sizeof *s);
    s->dart = dart_create(d->pool ? d->pool : drawing_all_bands(d) * d->rows, d->seed);
    s->first = drawing_first_value(d);
    s->pick = d->symbol_bits ? NULL : drawing_picks(d);
    s->n_picks = d->bands * d->rows;
    return s;
}

static void signer_destroy(void *signer) {
    struct dart_signer *s = signer;
    dart_free(&s->dart);
    free(s->pick);
    free(s);
}

static uint32_t one_word_each(uint32_t rows) {
    return rows;
}

static void sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t asking,
                 uint32_t *words, bool *pairs) {
    (void)asking;
    const struct dart_signer *s = signer;
    struct dart_board board = dart_board_create(&s->dart);
    for (uint64_t row = lo; row < hi; row++, words += s->n_picks) {
        uint64_t n = records_length(r, row);
        pairs[row - lo] = n > 0;
        if (n == 0)
            continue;
        dart_sign(&s->dart, records_row(r, row), r->item, n, &board);
        for (uint32_t k = 0; k < s->n_picks; k++)
            words[k] = board.dart[s->pick ? s->pick[k] : s->first + k];
    }
    dart_board_free(&board);
}

/* The lowest 8 bits of every symbol. */
static void sketch(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t *words,
                   bool *pairs) {
    const struct dart *d = &((const struct dart_signer *)signer)->dart;
    struct dart_board board = dart_board_create(d);
    memset(words, 0, (hi - lo) * d->m);
    for (uint64_t row = lo; row < hi; row++, words += d->m / 8) {
        uint64_t n = records_length(r, row);
        pairs[row - lo] = n > 0;
        if (n == 0)
            continue;
        dart_sign(d, records_row(r, row), r->item, n, &board);
        for (uint32_t k = 0; k < d->m; k++)
            words[k / 8] |= (uint64_t)(board.dart[k] & 0xff) << k % 8 * 8;
    }
    dart_board_free(&board);
}

static bool verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                   size_t item, double *value) {
    return weighted_at_least(t->exact, a, na, b, nb, item, value);
}

static double agreement(double similarity, const struct drawing *d) {
    return d->symbol_bits ? law_certain(similarity + (1 - similarity) / 256) : similarity;
}

const struct family family_weighted_jaccard = {
    .metric = "weighted-jaccard",
    .value = "similarity",
    .is_weighted = true,
    .words = one_word_each,
    .agreement = agreement,
    .create = signer_create,
    .destroy = signer_destroy,
    .sign = sign,
    .symbol_bits = 8,
    .sketch = sketch,
    .verify = verify,
};
