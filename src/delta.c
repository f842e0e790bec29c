#include "lshjoin/delta.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

enum {
    MOST_ELEMENTS = 256, /* of a leader */
    MOST_OTHERS = 8,     /* elements of a set that its leader has not */
    SETS = 1 << 13,      /* that are known at a time */
    SLOTS = 2 * SETS,
    ROOM = 1 << 16 /* elements of leaders */
};

#define NONE UINT32_MAX

/* `others` is filled up with an element of the leader's, which is nobody's other. */
struct delta {
    uint64_t bits[MOST_ELEMENTS / 64], others[MOST_OTHERS];
    uint32_t n_others;
};

/* A set that is known: from whom it differs, and from whom by too much. */
struct known {
    uint64_t number;
    uint32_t leader, far; /* known sets, or NONE */
    bool has_met;
    uint64_t first; /* of a leader: its elements */
    uint32_t n;
};

struct deltas {
    size_t width;
    enum simd simd;
    uint32_t n;
    uint32_t *table;     /* [SLOTS] number in `known` + 1, or 0 */
    struct known *known; /* [SETS] */
    struct delta *delta; /* [SETS] of those that have a leader */
    void *element;       /* [ROOM] the leaders' */
    uint64_t n_elements;
    uint32_t turn; /* the set turned to */
};

struct deltas *deltas_create(size_t width, enum simd simd) {
    struct deltas *d = mem_zero(1, sizeof *d);
    *d = (struct deltas){.width = width, .simd = simd};
    d->table = mem_zero(SLOTS, sizeof *d->table);
    d->known = mem_alloc(SETS, sizeof *d->known);
    d->delta = mem_alloc(SETS, sizeof *d->delta);
    d->element = mem_alloc(ROOM, width);
    return d;
}

uint64_t deltas_bytes(size_t width, uint64_t sets) {
    return sizeof(struct deltas) + SLOTS * sizeof(uint32_t) +
           min_u64(SETS, sets) * (sizeof(struct known) + sizeof(struct delta)) + ROOM * width;
}

void deltas_free(struct deltas *d) {
    if (!d)
        return;
    free(d->table);
    free(d->known);
    free(d->delta);
    free(d->element);
    free(d);
}

static void forget(struct deltas *d) {
    memset(d->table, 0, SLOTS * sizeof *d->table);
    d->n = 0;
    d->n_elements = 0;
}

/* The table's slot of a number: where it is, or a free one. */
static uint32_t find_slot(const struct deltas *d, uint64_t number) {
    uint32_t slot = (uint32_t)(mix64(number) % SLOTS);
    while (d->table[slot] && d->known[d->table[slot] - 1].number != number)
        slot = (slot + 1) % SLOTS;
    return slot;
}

/* The set of that number, or NONE. */
static uint32_t find(const struct deltas *d, uint64_t number) {
    return d->table[find_slot(d, number)] - 1;
}

/* The same; made known if there is room. */
static uint32_t find_or_add(struct deltas *d, uint64_t number) {
    uint32_t slot = find_slot(d, number);
    if (!d->table[slot] && d->n < SETS) {
        d->known[d->n] = (struct known){.number = number, .leader = NONE, .far = NONE};
        d->table[slot] = ++d->n;
    }
    return d->table[slot] - 1;
}

/* What a set has of the leader's elements, and what else: false if that is too much. No branch depends on
 * which is the less. */
#define DEFINE_DIFFER(name, type)                                                                            \
    static bool name(const type *leader, uint64_t n_leader, const type *set, uint64_t n, struct delta *d) {  \
        uint64_t i = 0, k = 0, n_others = 0;                                                                 \
        type others[MOST_OTHERS + 1];                                                                        \
        memset(d->bits, 0, sizeof d->bits);                                                                  \
        while (i < n_leader && k < n && n_others <= MOST_OTHERS) {                                           \
            type x = leader[i], y = set[k];                                                                  \
            d->bits[i / 64] |= (uint64_t)(x == y) << i % 64;                                                 \
            others[n_others] = y;                                                                            \
            n_others += y < x;                                                                               \
            i += x <= y;                                                                                     \
            k += y <= x;                                                                                     \
        }                                                                                                    \
        if (n_others + (n - k) > MOST_OTHERS)                                                                \
            return false;                                                                                    \
        while (k < n)                                                                                        \
            others[n_others++] = set[k++];                                                                   \
        for (uint64_t o = 0; o < MOST_OTHERS; o++)                                                           \
            d->others[o] = o < n_others ? others[o] : leader[0];                                             \
        d->n_others = (uint32_t)n_others;                                                                    \
        return true;                                                                                         \
    }
DEFINE_DIFFER(differ_u32, uint32_t)
DEFINE_DIFFER(differ_u64, uint64_t)

/* Tell a known set by its differences from a leader, if they are few enough; else it stays as it was. */
static bool tell(struct deltas *d, uint32_t k, uint32_t leader, const void *set, uint64_t n) {
    const struct known *of = &d->known[leader];
    const char *elements = (const char *)d->element + of->first * d->width;
    struct delta delta;
    if (d->width == 4 ? !differ_u32((const void *)elements, of->n, set, n, &delta)
                      : !differ_u64((const void *)elements, of->n, set, n, &delta)) {
        d->known[k].far = leader;
        return false;
    }
    d->delta[k] = delta;
    d->known[k].leader = leader;
    return true;
}

/* A set becomes a leader, its own first. */
static void lead(struct deltas *d, uint32_t k, const void *set, uint64_t n) {
    memcpy((char *)d->element + d->n_elements * d->width, set, n * d->width);
    d->known[k].first = d->n_elements;
    d->known[k].n = (uint32_t)n;
    d->n_elements += n;
    tell(d, k, k, set, n);
}

/* The leader of the first partner that has one, or NONE. */
static uint32_t leader_of_partners(const struct deltas *d, uint64_t first, const uint64_t *row, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        uint32_t k = find(d, first + row[i]);
        if (k != NONE && d->known[k].leader != NONE)
            return d->known[k].leader;
    }
    return NONE;
}

bool deltas_turn_to(struct deltas *d, uint64_t number, const void *set, uint64_t n, uint64_t first,
                    const uint64_t *row, uint64_t n_rows) {
    if (n == 0 || n > MOST_ELEMENTS)
        return false;
    if (d->n + n_rows >= SETS || d->n_elements + n > ROOM)
        forget(d);
    uint32_t k = d->turn = find_or_add(d, number);
    if (d->known[k].leader != NONE)
        return true;
    uint32_t leader = leader_of_partners(d, first, row, n_rows);
    if (leader == NONE || !tell(d, k, leader, set, n))
        lead(d, k, set, n);
    return true;
}

/* One text: where the processor counts bits, and where it does not. */
#define DEFINE_SHARED(name, attribute)                                                                       \
    attribute static uint64_t name(const struct delta *a, const struct delta *b) {                           \
        uint64_t shared = 0;                                                                                 \
        for (int k = 0; k < MOST_ELEMENTS / 64; k++)                                                         \
            shared += (uint64_t)__builtin_popcountll(a->bits[k] & b->bits[k]);                               \
        for (uint32_t i = 0; i < a->n_others; i++)                                                           \
            for (int k = 0; k < MOST_OTHERS; k++)                                                            \
                shared += a->others[i] == b->others[k];                                                      \
        return shared;                                                                                       \
    }
#define PLAIN
DEFINE_SHARED(shared_scalar, PLAIN)
#if defined(__x86_64__)
#define AVX2 __attribute__((target("avx2,popcnt")))
DEFINE_SHARED(shared_avx2, AVX2)
#else
#define shared_avx2 shared_scalar
#endif

uint64_t deltas_shared(struct deltas *d, uint64_t number, const void *set, uint64_t n) {
    uint32_t leader = d->known[d->turn].leader, k = find_or_add(d, number);
    if (k == NONE)
        return DELTAS_UNKNOWN;
    struct known *other = &d->known[k];
    if (other->leader != leader) {
        bool may_tell = other->has_met && other->far != leader;
        other->has_met = true;
        if (!may_tell || !tell(d, k, leader, set, n))
            return DELTAS_UNKNOWN;
    }
    return (d->simd == SIMD_SCALAR ? shared_scalar : shared_avx2)(&d->delta[d->turn], &d->delta[k]);
}
