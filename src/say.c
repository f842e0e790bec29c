#include "say.h"

#include <inttypes.h>

#include "lshjoin/cpu.h"
#include "verbose.h"

void say_inputs(struct comm *c, const struct options *o, const struct inputs *in) {
    for (int i = 0; i < in->n; i++)
        verbose(o, c, "%s %s (%s): %" PRIu64 " rows, %" PRIu64 " elements", in->of[i].file, in->of[i].object,
                in->of[i].kind, in->of[i].rows, in->of[i].elements);
    verbose(o, c, "metric %s, elements of %zu bytes; rank 0 holds %" PRIu64 " of %" PRIu64 " rows",
            in->family->metric, in->records.item, shard_local_rows(&in->shard), in->shard.rows);
}

void say_plan(struct comm *c, const struct options *o, const struct plan *p) {
    const struct drawing *d = &p->drawing;
    if (o->exact) {
        verbose(o, c, "every pair is compared, %s, %d thread%s a rank", cpu_simd_name(cpu_simd()), o->threads,
                plural((uint64_t)o->threads));
        return;
    }
    verbose(o, c, "%u bands of %u rows, seed %" PRIu64 ", %s, %d thread%s a rank", d->bands, d->rows, d->seed,
            cpu_simd_name(cpu_simd()), o->threads, plural((uint64_t)o->threads));
    if (o->recall > 0)
        verbose(o, c, "planned for recall %g: %.4f at the threshold, pool %u, %u probes", o->recall,
                p->recall, d->pool, d->probes);
}

void say_cut(struct comm *c, const struct options *o, const struct budget *b) {
    verbose(o, c, "memory: %.0f MB a rank and %.0f MB of program and MPI; rounds of %.0f MB, %.0f MB at most",
            (double)o->memory_bytes / 1e6, (double)b->held.bytes / 1e6, (double)o->round_bytes / 1e6,
            b->forecast / 1e6);
}
