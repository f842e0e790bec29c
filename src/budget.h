/* The memory of a rank: how much it may be, and how the join is cut so that every part fits. The pairs are
 * the same however it is cut. */
#ifndef BUDGET_H
#define BUDGET_H

#include "comm.h"
#include "forecast.h"
#include "lshjoin/memory.h"

struct budget {
    struct memory_held held; /* when nothing was read: by the program and MPI, after its first exchange */
    struct cut cut;
    double forecast; /* bytes that the parts take at most, cut so; 0: not told */
};

/* Collective. Settles o->memory_bytes, the same on all ranks, beside what is held now: as given, or this
 * rank's share, less a tenth, of what the node and those who rule it allow. */
void budget_open(struct budget *b, struct comm *c, struct options *o);

/* Collective. Refuses rows that will take `bytes` of this rank, before there is memory for them. Returns
 * e->status, agreed: EX_UNAVAILABLE where they do not fit, with what memory or how many ranks would do. */
int budget_admit(struct comm *c, const struct options *o, uint64_t bytes, struct error *e);

/* Collective. Cuts the join of the rows that are held now, whatever it may find, and lowers o->round_bytes to
 * that. Returns e->status, agreed: as budget_admit, where even the smallest rounds don't fit. */
int budget_fit(struct budget *b, struct comm *c, struct options *o, const struct inputs *in,
               const struct plan *p, struct error *e);

/* Not collective. The same for rows that are only thought of. */
int budget_fit_load(struct budget *b, struct options *o, const struct load *load, const struct family *family,
                    const struct plan *p, struct error *e);

#endif
