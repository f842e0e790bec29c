#include "collapse.h"

#include <inttypes.h>
#include <stdlib.h>

#include "verbose.h"

void collapse(struct duplicates *d, struct comm *c, struct pool *pool, const struct options *o,
              struct inputs *in, struct metrics *m) {
    uint64_t first = in->shard.start[in->shard.rank],
             second_input = in->n == 2 ? in->of[0].rows : in->shard.rows;
    struct suspects all = {.shard = &in->shard,
                           .left = max_u64(second_input, first) - first,
                           .are_vectors = in->family->is_of_vectors,
                           .records = &in->records,
                           .hash = in->hash};
    metrics_stage(m, STAGE_DUPLICATES);
    duplicates_find(d, c, pool, &all, o->round_bytes);
    free(in->hash);
    in->hash = NULL;
    in->left_out += d->n;
    in->stand_for_others = d->all > 0;
    m->count[COUNT_DUPLICATES] = d->n;
    m->count[COUNT_GROUPS] = d->groups;
    verbose(o, c, "%" PRIu64 " record%s identical to others", d->all, d->all == 1 ? " is" : "s are");
}

int collapse_tell(const struct duplicates *d, const struct inputs *in, struct cluster *groups,
                  struct output *out, struct error *e) {
    struct pair *rows = mem_alloc(d->n, sizeof *rows);
    for (uint64_t i = 0; i < d->n; i++) {
        bool second = d->left_out[i].first >= in->shard.split;
        uint64_t base = second ? in->shard.split : 0;
        rows[i] = (struct pair){d->left_out[i].first - base, d->left_out[i].second - base, second, 0};
    }
    output_write_duplicates(out, rows, d->n, e);
    for (uint64_t i = 0; groups && i < d->n; i++)
        cluster_join(groups, d->left_out[i].second, d->left_out[i].first);
    free(rows);
    return e->status;
}
