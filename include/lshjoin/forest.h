/* Which rows hang together, by the pairs that have come: union-find over the rows that occur in pairs. Its
 * memory grows with these rows, some 30 bytes each, however many pairs there are. */
#ifndef LSHJOIN_FOREST_H
#define LSHJOIN_FOREST_H

#include <stdint.h>

#include "lshjoin/numbering.h"
#include "lshjoin/sort.h"

/* All zero at first. */
struct forest {
    struct numbering rows;
    uint64_t capacity;
    uint32_t *parent; /* [rows.n] by number; a root is its own */
};

/* Two rows hang together. */
void forest_join(struct forest *f, uint64_t a, uint64_t b);
void forest_free(struct forest *f);

/* What is known, in as few pairs as tell it: each row that is no root, and its tree's root, the smallest row
 * of the tree. *n pairs (larger, smaller), to free. The forest is free then. */
struct u64_pair *forest_cut(struct forest *f, uint64_t *n);

#endif
