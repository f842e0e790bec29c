/* A persistent pool of threads: all the threading there is. */
#ifndef LSHJOIN_POOL_H
#define LSHJOIN_POOL_H

#include <stdint.h>

struct pool;

/* A pool of `threads` >= 1 workers, the calling thread among them. Dies if a thread cannot be started. */
struct pool *pool_create(int threads);
void pool_destroy(struct pool *pool);
int pool_threads(const struct pool *pool);

/* Work on [lo, hi) as worker `thread` in [0, pool_threads). */
typedef void pool_fn(void *ctx, uint64_t lo, uint64_t hi, int thread);

/* Calls fn for consecutive pieces of [0, n) of `chunk` >= 1 items each (the last one may be shorter), on any
 * thread in any order, and returns when all are done: piece k is [k*chunk, min(n, (k+1)*chunk)). Not
 * reentrant. */
void pool_for(struct pool *pool, uint64_t n, uint64_t chunk, pool_fn *fn, void *ctx);

#endif
