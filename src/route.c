#include "route.h"

#include <stdlib.h>
#include <string.h>

void route(struct comm *c, size_t item, uint64_t most, bool (*next)(void *ctx, void *out, int *to),
           void (*take)(void *ctx, const void *items, uint64_t n), void *ctx) {
    uint64_t ranks = (uint64_t)comm_size(c), slot_size = max_u64(1, most / ranks / item);
    char *slots = mem_alloc(ranks * slot_size, item), *came = mem_alloc(ranks * slot_size, item);
    char *held = mem_alloc(1, item); /* the one that comes next */
    uint64_t *filled = mem_alloc(ranks, sizeof *filled), more = true;
    int to;
    for (bool any = next(ctx, held, &to); more; more = any, comm_max(c, &more, 1)) {
        memset(filled, 0, ranks * sizeof *filled);
        while (any && filled[to] < slot_size) {
            memcpy(slots + ((uint64_t)to * slot_size + filled[to]++) * item, held, item);
            any = next(ctx, held, &to);
        }
        take(ctx, came, comm_exchange_slots(c, item, slots, slot_size, filled, came));
    }
    free(filled);
    free(held);
    free(came);
    free(slots);
}
