/* From this rank's rows to pairs written, by sketches: some bands at a time keys go to their owners, who drop
 * most pairs by their sketches; each of the others goes home once. */
#ifndef SKETCH_JOIN_H
#define SKETCH_JOIN_H

#include "comm.h"
#include "input.h"
#include "lshjoin/plan.h"
#include "sink.h"

/* Bands whose keys are made, sent and grouped together, where no rank holds more than `rows`: as many as fit
 * the bound of a round; on one rank, where nothing is sent, an eighth, which spares memory. */
uint32_t sketch_join_bands(uint64_t rows, uint64_t ranks, uint64_t round_bytes, uint32_t bands);

/* Bytes that candidates may fill on their way: a small part of a round's bound, for here many batches cost no
 * more than few. Where nothing is sent what stays in the cache, unless it is of vectors, for which large
 * batches tell soon that they will be compared often. */
uint64_t sketch_join_room(const struct family *family, uint64_t ranks, uint64_t round_bytes);

/* Collective. As hash_join, of a plan whose drawing has symbol_bits. */
int sketch_join(struct comm *c, struct pool *pool, const struct options *o, const struct inputs *in,
                const struct plan *plan, const struct threshold *threshold, struct sink *sink,
                struct metrics *m, struct error *e);

#endif
