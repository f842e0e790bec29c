#include "lshjoin/numbering.h"

#include <stdlib.h>
#include <sysexits.h>

#include "lshjoin/base.h"

enum { FIRST_CAPACITY = 1 << 10 };

/* The slot of a row, or the free one where it belongs. */
static uint32_t *find(const struct numbering *n, uint64_t row) {
    uint64_t at = mix64(row) & (n->slots - 1);
    while (n->slot[at] && n->row[n->slot[at] - 1] != row)
        at = (at + 1) & (n->slots - 1);
    return &n->slot[at];
}

static void grow(struct numbering *n) {
    if (n->n >= UINT32_MAX - 1)
        die(EX_OSERR, "pairs of more than 2^32 different rows on one rank: use more ranks");
    n->capacity = max_u64(FIRST_CAPACITY, 2 * n->capacity);
    n->row = mem_grow(n->row, n->capacity, sizeof *n->row);
    free(n->slot);
    n->slots = 2 * n->capacity;
    n->slot = mem_zero(n->slots, sizeof *n->slot);
    for (uint64_t k = 0; k < n->n; k++)
        *find(n, n->row[k]) = (uint32_t)(k + 1);
}

uint32_t numbering_of(struct numbering *n, uint64_t row) {
    if (n->n == n->capacity)
        grow(n);
    uint32_t *slot = find(n, row);
    if (!*slot) {
        n->row[n->n] = row;
        *slot = (uint32_t)++n->n;
    }
    return *slot - 1;
}

void numbering_free(struct numbering *n) {
    free(n->row);
    free(n->slot);
    *n = (struct numbering){0};
}
