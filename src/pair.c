#include "pair.h"

#include <stdlib.h>

void pairs_route(struct comm *c, const struct pair *pairs, uint64_t n, uint64_t most,
                 int (*destination)(void *ctx, const struct pair *p),
                 void (*take)(void *ctx, const struct pair *pairs, uint64_t n), void *ctx) {
    if (comm_size(c) == 1) {
        take(ctx, pairs, n);
        return;
    }
    uint64_t ranks = (uint64_t)comm_size(c), slot_size = max_u64(1, most / ranks / sizeof *pairs);
    struct pair *slots = mem_alloc(ranks * slot_size, sizeof *slots);
    struct pair *came = mem_alloc(ranks * slot_size, sizeof *came);
    uint64_t *filled = mem_alloc(ranks, sizeof *filled), more = true;
    for (uint64_t next = 0; more;) {
        for (uint64_t rank = 0; rank < ranks; rank++)
            filled[rank] = 0;
        for (; next < n; next++) {
            int to = destination(ctx, &pairs[next]);
            if (filled[to] == slot_size)
                break;
            slots[(uint64_t)to * slot_size + filled[to]++] = pairs[next];
        }
        take(ctx, came, comm_exchange_slots(c, sizeof *slots, slots, slot_size, filled, came));
        more = next < n;
        comm_max(c, &more, 1);
    }
    free(filled);
    free(came);
    free(slots);
}

struct pair *pairs_mirror(const struct pair *pairs, uint64_t n) {
    struct pair *both = mem_alloc(2 * n, sizeof *both);
    for (uint64_t i = 0; i < n; i++) {
        both[2 * i] = pairs[i];
        both[2 * i + 1] = (struct pair){pairs[i].right, pairs[i].left, pairs[i].value, 0};
    }
    return both;
}
