/* What the peers share: reading sets, comparing two by a merge, and writing pairs. */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

struct sets {
    int64_t n, elements;
    int64_t *begin;    /* [n + 1] */
    uint32_t *element; /* rising in a row, the rarest first */
};

/* Pairs, each as left << 32 | right with left < right. */
struct pairs {
    uint64_t n, capacity, *pair;
};

static inline void peer_check(bool fine, const char *what) {
    if (fine)
        return;
    perror(what);
    exit(EX_OSERR);
}

static inline void *peer_alloc(int64_t n, size_t size) {
    void *p = malloc((size_t)(n + 1) * size);
    peer_check(p, "memory");
    return p;
}

static inline struct sets sets_read(const char *path) {
    struct sets s;
    FILE *file = fopen(path, "rb");
    peer_check(file && fread(&s.n, sizeof s.n, 1, file) == 1 &&
                   fread(&s.elements, sizeof s.elements, 1, file) == 1,
               path);
    s.begin = peer_alloc(s.n, sizeof *s.begin);
    s.element = peer_alloc(s.elements, sizeof *s.element);
    peer_check(fread(s.begin, sizeof *s.begin, (size_t)s.n + 1, file) == (size_t)s.n + 1 &&
                   fread(s.element, sizeof *s.element, (size_t)s.elements, file) == (size_t)s.elements,
               path);
    fclose(file);
    return s;
}

static inline const uint32_t *set_row(const struct sets *s, int64_t i) {
    return s->element + s->begin[i];
}

static inline int64_t set_size(const struct sets *s, int64_t i) {
    return s->begin[i + 1] - s->begin[i];
}

static inline int64_t sets_universe(const struct sets *s) {
    uint32_t largest = 0;
    for (int64_t i = 0; i < s->elements; i++)
        largest = s->element[i] > largest ? s->element[i] : largest;
    return (int64_t)largest + 1;
}

/* Whether sets i and j share `least` elements. */
static inline bool sets_share(const struct sets *s, int64_t i, int64_t j, int64_t least) {
    const uint32_t *a = set_row(s, i), *a_end = a + set_size(s, i);
    const uint32_t *b = set_row(s, j), *b_end = b + set_size(s, j);
    int64_t shared = 0;
    while (a < a_end && b < b_end) {
        if (shared + (a_end - a < b_end - b ? a_end - a : b_end - b) < least)
            return false;
        uint32_t x = *a, y = *b;
        shared += x == y;
        a += x <= y;
        b += y <= x;
    }
    return shared >= least;
}

static inline void pairs_add(struct pairs *p, uint32_t i, uint32_t j) {
    if (p->n == p->capacity) {
        p->capacity = 2 * p->capacity + 1024;
        p->pair = realloc(p->pair, p->capacity * sizeof *p->pair);
        peer_check(p->pair, "memory");
    }
    p->pair[p->n++] = i < j ? (uint64_t)i << 32 | j : (uint64_t)j << 32 | i;
}

static inline void pairs_write(const struct pairs *p, const char *path) {
    FILE *file = fopen(path, "wb");
    peer_check(file && fwrite(p->pair, sizeof *p->pair, p->n, file) == p->n && fclose(file) == 0, path);
}

#endif
