#include "lshjoin/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/base.h"

struct pool {
    int threads;
    pthread_t *worker; /* [threads-1]; the caller is worker 0 */
    pthread_mutex_t lock;
    pthread_cond_t start, finish;
    uint64_t job; /* number of the current pool_for */
    int working;  /* workers that have not finished it */
    bool quit;

    pool_fn *fn;
    void *ctx;
    uint64_t n, chunk;
    _Atomic uint64_t next; /* first item that nobody has taken */
};

struct worker_arg {
    struct pool *pool;
    int thread;
};

static void work(struct pool *p, int thread) {
    for (;;) {
        uint64_t lo = atomic_fetch_add_explicit(&p->next, p->chunk, memory_order_relaxed);
        if (lo >= p->n)
            return;
        p->fn(p->ctx, lo, min_u64(p->n, lo + p->chunk), thread);
    }
}

static void *worker_main(void *arg) {
    struct pool *p = ((struct worker_arg *)arg)->pool;
    int thread = ((struct worker_arg *)arg)->thread;
    free(arg);
    uint64_t seen = 0;
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->job == seen && !p->quit)
            pthread_cond_wait(&p->start, &p->lock);
        if (p->quit)
            break;
        seen = p->job;
        pthread_mutex_unlock(&p->lock);
        work(p, thread);
        pthread_mutex_lock(&p->lock);
        if (--p->working == 0)
            pthread_cond_signal(&p->finish);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct pool *pool_create(int threads) {
    struct pool *p = mem_zero(1, sizeof *p);
    p->threads = threads;
    p->worker = mem_alloc((uint64_t)threads, sizeof *p->worker);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->start, NULL);
    pthread_cond_init(&p->finish, NULL);
    for (int t = 1; t < threads; t++) {
        struct worker_arg *arg = mem_alloc(1, sizeof *arg);
        *arg = (struct worker_arg){p, t};
        int failed = pthread_create(&p->worker[t - 1], NULL, worker_main, arg);
        if (failed)
            die(EX_OSERR, "thread %d of %d could not be started: %s", t + 1, threads, strerror(failed));
    }
    return p;
}

void pool_destroy(struct pool *p) {
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    for (int t = 1; t < p->threads; t++)
        pthread_join(p->worker[t - 1], NULL);
    pthread_cond_destroy(&p->finish);
    pthread_cond_destroy(&p->start);
    pthread_mutex_destroy(&p->lock);
    free(p->worker);
    free(p);
}

int pool_threads(const struct pool *p) {
    return p->threads;
}

void pool_for(struct pool *p, uint64_t n, uint64_t chunk, pool_fn *fn, void *ctx) {
    if (p->threads == 1 || n <= chunk) { /* nothing to share out: don't wake anybody */
        for (uint64_t lo = 0; lo < n; lo += chunk)
            fn(ctx, lo, min_u64(n, lo + chunk), 0);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->fn = fn;
    p->ctx = ctx;
    p->n = n;
    p->chunk = chunk;
    atomic_store_explicit(&p->next, 0, memory_order_relaxed);
    p->working = p->threads - 1;
    p->job++;
    pthread_cond_broadcast(&p->start);
    pthread_mutex_unlock(&p->lock);
    work(p, 0);
    pthread_mutex_lock(&p->lock);
    while (p->working)
        pthread_cond_wait(&p->finish, &p->lock);
    pthread_mutex_unlock(&p->lock);
}
