/* Sorted runs of pairs that wait in a scratch file and come back merged. Pairs whose `second` differs in some
 * lowest bits only are one; these bits add up. */
#ifndef LSHJOIN_RUNS_H
#define LSHJOIN_RUNS_H

#include <stdint.h>

#include "lshjoin/base.h"
#include "lshjoin/sort.h"

struct runs;

/* In a file in `directory`, which must outlive them. sum_bits: how many lowest bits of `second` add up. */
struct runs *runs_create(const char *directory, uint32_t sum_bits);
void runs_free(struct runs *r);

/* A run: n pairs, rising by (first, second). Returns e->status, of the scratch file. */
int runs_add(struct runs *r, const struct u64_pair *sorted, uint64_t n, struct error *e);

/* No more runs are added: what they hold can be had, by buffers of about `bytes` in all. Where they are too
 * many for that they are first merged to fewer. Returns e->status. */
int runs_begin(struct runs *r, uint64_t bytes, struct error *e);

/* The next pairs of all runs, rising: *n of them, `most` at most, fewer only at the end. Returns e->status.
 */
int runs_next(struct runs *r, struct u64_pair *out, uint64_t most, uint64_t *n, struct error *e);

#endif
