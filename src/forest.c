#include "lshjoin/forest.h"

#include <stdlib.h>

#include "lshjoin/base.h"

/* The root above a number; on the way every second node moves up to the one above its own (path halving). */
static uint32_t root_of(struct forest *f, uint32_t k) {
    while (f->parent[k] != k)
        k = f->parent[k] = f->parent[f->parent[k]];
    return k;
}

static uint32_t number_of(struct forest *f, uint64_t row) {
    uint64_t before = f->rows.n;
    uint32_t k = numbering_of(&f->rows, row);
    if (f->capacity < f->rows.capacity) {
        f->capacity = f->rows.capacity;
        f->parent = mem_grow(f->parent, f->capacity, sizeof *f->parent);
    }
    if (f->rows.n > before)
        f->parent[k] = k;
    return k;
}

void forest_join(struct forest *f, uint64_t a, uint64_t b) {
    uint32_t x = number_of(f, a), y = number_of(f, b);
    x = root_of(f, x);
    y = root_of(f, y);
    if (f->rows.row[x] < f->rows.row[y])
        f->parent[y] = x;
    else
        f->parent[x] = y;
}

struct u64_pair *forest_cut(struct forest *f, uint64_t *n) {
    struct u64_pair *pairs = mem_alloc(f->rows.n, sizeof *pairs);
    *n = 0;
    for (uint64_t k = 0; k < f->rows.n; k++) {
        uint32_t root = root_of(f, (uint32_t)k);
        if (root != k)
            pairs[(*n)++] = (struct u64_pair){f->rows.row[k], f->rows.row[root]};
    }
    forest_free(f);
    return pairs;
}

void forest_free(struct forest *f) {
    numbering_free(&f->rows);
    free(f->parent);
    *f = (struct forest){0};
}
