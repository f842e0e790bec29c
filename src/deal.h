/* No rank is left alone with a giant bucket: where one has many more pairs to look at than the others, parts
 * of its largest buckets go to those. */
#ifndef DEAL_H
#define DEAL_H

#include "comm.h"
#include "lshjoin/bucket.h"

/* Collective. Buckets come and go in this rank's n_lists lists, which have `pairs` pairs, until all ranks
 * have about as many, as far as single buckets are the reason; moves about `most` bytes from a rank at once.
 * Returns how many pairs the lists have now. */
uint64_t deal_buckets(struct comm *c, struct bucket_list *lists, int n_lists, uint64_t pairs, uint64_t most);

#endif
