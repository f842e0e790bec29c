#include "lshjoin/pivot.h"

#include <stdlib.h>

#include "lshjoin/base.h"

/* A slot holds the element whose hash it is; a second element of that hash goes to `rest`. An empty slot
 * holds one of another hash: 0, whose slot is the first, and in that one 1. So a slot is equal to what is
 * looked up in it only where that is in the set. */
enum { FEW_BITS = 12, MANY_BITS = 16, FEW = 128, STRETCH = 16 };

struct pivot {
    const void *set;
    uint64_t n, n_rest;
    size_t width;
    int bits;
    union {
        uint32_t narrow[1 << MANY_BITS];
        uint64_t wide[1 << MANY_BITS];
    } table;
    uint64_t rest[PIVOT_MOST_ELEMENTS];
};

struct pivot *pivot_create(void) {
    struct pivot *p = mem_alloc(1, sizeof *p);
    p->n = p->bits = 0;
    return p;
}

void pivot_free(struct pivot *p) {
    free(p);
}

static inline __attribute__((always_inline)) uint32_t slot_of(uint64_t x, int bits) {
    return (uint32_t)(x ^ x >> 32) * 0x9e3779b1u >> (32 - bits);
}

#define DEFINE_PIVOT(type, table_of)                                                                         \
    static void clear_##type(struct pivot *p) {                                                              \
        type *slot = p->table.table_of;                                                                      \
        for (uint64_t i = 0; i < (uint64_t)1 << p->bits; i++)                                                \
            slot[i] = i == 0;                                                                                \
    }                                                                                                        \
    static void take_out_##type(struct pivot *p) {                                                           \
        const type *set = p->set;                                                                            \
        for (uint64_t i = 0; i < p->n; i++) {                                                                \
            uint64_t at = slot_of(set[i], p->bits);                                                          \
            p->table.table_of[at] = at == 0;                                                                 \
        }                                                                                                    \
    }                                                                                                        \
    static void put_in_##type(struct pivot *p) {                                                             \
        const type *set = p->set;                                                                            \
        for (uint64_t i = 0; i < p->n; i++) {                                                                \
            uint64_t at = slot_of(set[i], p->bits);                                                          \
            if (p->table.table_of[at] == (at == 0))                                                          \
                p->table.table_of[at] = set[i];                                                              \
            else                                                                                             \
                p->rest[p->n_rest++] = set[i];                                                               \
        }                                                                                                    \
    }                                                                                                        \
    static inline __attribute__((always_inline)) uint64_t look_up_##type(                                    \
        const type *slot, int bits, const type *b, uint64_t nb, uint64_t both, uint64_t least) {             \
        uint64_t i = 0;                                                                                      \
        for (; i + STRETCH <= nb && both + (nb - i) >= least; i += STRETCH) {                                \
            uint32_t met = 0;                                                                                \
            _Pragma("GCC unroll 16") for (int k = 0; k < STRETCH; k++) met +=                                \
                slot[slot_of(b[i + k], bits)] == b[i + k];                                                   \
            both += met;                                                                                     \
        }                                                                                                    \
        for (; i < nb && both + (nb - i) >= least; i++)                                                      \
            both += slot[slot_of(b[i], bits)] == b[i];                                                       \
        return both;                                                                                         \
    }                                                                                                        \
    static uint64_t count_##type(const struct pivot *p, const type *b, uint64_t nb, uint64_t least) {        \
        const type *slot = p->table.table_of;                                                                \
        uint64_t both = 0;                                                                                   \
        for (uint64_t r = 0, i = 0; r < p->n_rest; r++) {                                                    \
            while (i < nb && b[i] < p->rest[r])                                                              \
                i++;                                                                                         \
            both += i < nb && b[i] == p->rest[r];                                                            \
        }                                                                                                    \
        return p->bits == FEW_BITS ? look_up_##type(slot, FEW_BITS, b, nb, both, least)                      \
                                   : look_up_##type(slot, MANY_BITS, b, nb, both, least);                    \
    }
DEFINE_PIVOT(uint32_t, narrow)
DEFINE_PIVOT(uint64_t, wide)

void pivot_set(struct pivot *p, const void *set, uint64_t n, size_t width) {
    bool is_wide = width == sizeof(uint64_t);
    int bits = n <= FEW ? FEW_BITS : MANY_BITS; /* 16 KB or so stay in the first-level cache */
    if (p->bits == bits && p->width == width) {
        (is_wide ? take_out_uint64_t : take_out_uint32_t)(p);
    } else {
        p->bits = bits;
        p->width = width;
        (is_wide ? clear_uint64_t : clear_uint32_t)(p);
    }
    p->set = set;
    p->n = n;
    p->n_rest = 0;
    (is_wide ? put_in_uint64_t : put_in_uint32_t)(p);
}

bool pivot_at_least(const struct pivot *p, struct fraction t, const void *b, uint64_t nb,
                    double *similarity) {
    uint64_t least = jaccard_overlap(t, p->n, nb);
    if (min_u64(p->n, nb) < least)
        return false;
    uint64_t both =
        p->width == sizeof(uint32_t) ? count_uint32_t(p, b, nb, least) : count_uint64_t(p, b, nb, least);
    return jaccard_of_overlap(both, least, p->n, nb, similarity);
}
