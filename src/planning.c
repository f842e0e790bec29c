#include "planning.h"

#include <stdlib.h>

#include "input_sample.h"
#include "lshjoin/law.h"
#include "rehearse.h"
#include "sample.h"

/* What is drawn from whatever the bands will be. */
static struct plan begin(const struct options *o, const struct inputs *in) {
    const struct family *family = in->family;
    struct plan p = {.drawing = {.bands = o->bands,
                                 .rows = o->rows,
                                 .pool = o->pool,
                                 .seed = o->seed,
                                 .width = o->width ? o->width : 4 * o->threshold.value,
                                 .norm = in->largest_norm}};
    if (family->probes && o->bands)
        p.drawing.probes = (uint32_t)min_u64(o->probes, family->probes(o->rows));
    if (o->threshold_text || o->radius_text)
        p.agreement = family->agreement(o->threshold.value, &p.drawing);
    if (o->bands && p.agreement > 0)
        p.recall = law_found(&p.drawing, p.agreement);
    if (o->exact)
        p.recall = 1;
    return p;
}

/* Of how many rows, and pairs, the plan is. */
static struct survey count_rows(const struct inputs *in, const struct options *o) {
    bool self_join = in->shard.self_join;
    double left = (double)in->of[0].rows, right = (double)in->of[1].rows, elements = 0;
    for (int i = 0; i < in->n; i++)
        elements += (double)in->of[i].elements;
    double here = self_join ? left : left + right;
    double times = o->assume_rows && here > 0 ? (double)o->assume_rows / here : 1;
    left *= times;
    right *= times;
    return (struct survey){.self_join = self_join,
                           .rows = (uint64_t)(here * times),
                           .asking = (uint64_t)left,
                           .items = (uint64_t)(elements * times),
                           .item = in->records.item,
                           .pairs = self_join ? left * (left - 1) / 2 : left * right};
}

static int choose(struct plan *p, const struct survey *s, struct comm *c, const struct options *o,
                  const struct inputs *in, struct error *e) {
    if (comm_rank(c) == 0 && o->recall > 0)
        plan_choose(p, in->family, s, o->threshold.value, o->recall, e);
    else if (comm_rank(c) == 0)
        plan_forecast(p, in->family, s);
    if (!comm_failed(c, e))
        comm_broadcast(c, p, sizeof *p);
    return e->status;
}

/* The sampled ones of this rank's rows; *left of them are of the left input. */
static struct records select_sample(const struct inputs *in, const struct options *o, uint64_t *left) {
    const struct shard *shard = &in->shard;
    uint64_t first = shard->start[shard->rank], n = 0, *rows = mem_alloc(in->records.n, sizeof *rows);
    *left = 0;
    for (uint64_t i = 0; i < in->records.n; i++) {
        bool is_left = first + i < shard->split;
        uint64_t row = is_left ? first + i : first + i - shard->split;
        if (!sample_has(row, in->of[!is_left].rows, shard->self_join, o->seed))
            continue;
        rows[n++] = i;
        *left += is_left;
    }
    struct records sample = records_select(&in->records, rows, n);
    free(rows);
    return sample;
}

int planning_make(struct plan *p, struct survey *s, struct comm *c, struct pool *pool,
                  const struct options *o, const struct inputs *in, struct error *e) {
    *p = begin(o, in);
    if (o->recall <= 0)
        return 0;
    *s = count_rows(in, o);
    uint64_t left;
    struct records sample = select_sample(in, o, &left);
    sample_compare(s, c, pool, in->family, &sample, left, &p->drawing);
    if (!choose(p, s, c, o, in, e))
        rehearse(p, s, c, pool, in->family, &o->threshold, &sample, left);
    records_free(&sample);
    return e->status;
}

int planning_dry(struct plan *p, struct survey *s, struct inputs *in, struct comm *c, struct pool *pool,
                 const struct options *o, struct error *e) {
    uint64_t left;
    if (inputs_read_sample(in, c, pool, o, &left, e))
        return e->status;
    *p = begin(o, in);
    *s = count_rows(in, o);
    sample_compare(s, c, pool, in->family, &in->records, left, &p->drawing);
    if (!choose(p, s, c, o, in, e))
        rehearse(p, s, c, pool, in->family, &o->threshold, &in->records, left);
    return e->status;
}
