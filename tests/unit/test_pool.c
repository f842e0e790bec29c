/* The pool of threads: every piece exactly once. Worker threads count mistakes; only the main thread asserts.
 */
#include "unit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/pool.h"

enum { MOST_ITEMS = 1000 };

struct tally {
    uint64_t n, chunk;
    int threads;
    _Atomic int mistakes;
    _Atomic int seen[MOST_ITEMS];
};

static void count_piece(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct tally *t = ctx;
    bool right = lo < hi && hi <= t->n && lo % t->chunk == 0 && hi == min_u64(t->n, lo + t->chunk) &&
                 thread >= 0 && thread < t->threads;
    if (!right) {
        t->mistakes++;
        return;
    }
    for (uint64_t i = lo; i < hi; i++)
        t->seen[i]++;
}

static void check_once(struct pool *pool, uint64_t n, uint64_t chunk) {
    static struct tally t;
    memset(&t, 0, sizeof t);
    t.n = n;
    t.chunk = chunk;
    t.threads = pool_threads(pool);
    pool_for(pool, n, chunk, count_piece, &t);
    assert_int_equal(t.mistakes, 0);
    for (uint64_t i = 0; i < n; i++)
        if (t.seen[i] != 1)
            fail_msg("item %d of %d, pieces of %d: seen %d times", (int)i, (int)n, (int)chunk, t.seen[i]);
}

static void test_every_item_once(void **state) {
    (void)state;
    const uint64_t n[] = {0, 1, 2, 7, 8, 9, 63, 64, 65, 999, MOST_ITEMS};
    const uint64_t chunk[] = {1, 2, 3, 8, 64, 999, 1000, 5000};
    for (int threads = 1; threads <= 8; threads++) {
        struct pool *pool = pool_create(threads);
        assert_int_equal(pool_threads(pool), threads);
        for (size_t i = 0; i < LENGTH(n); i++)
            for (size_t k = 0; k < LENGTH(chunk); k++)
                check_once(pool, n[i], chunk[k]);
        pool_destroy(pool);
    }
}

/* Plain sums: that the caller sees them whole after pool_for is what is tested (also by a thread sanitizer).
 */
static void add_squares(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    uint64_t *sum = (uint64_t *)ctx + 8 * thread;
    for (uint64_t i = lo; i < hi; i++)
        *sum += i * i;
}

static void test_many_in_a_row(void **state) {
    (void)state;
    for (int threads = 1; threads <= 8; threads++) {
        struct pool *pool = pool_create(threads);
        for (uint64_t k = 0; k < 3000; k++) {
            uint64_t sums[64] = {0}, sum = 0, n = k % 50;
            pool_for(pool, n, 1 + k % 3, add_squares, sums);
            for (int t = 0; t < threads; t++)
                sum += sums[8 * t];
            assert_int_equal(sum, n ? (n - 1) * n * (2 * n - 1) / 6 : 0);
        }
        pool_destroy(pool);
    }
}

/* Two pieces that wait for each other end only if they run side by side. */
static void meet(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)lo, (void)hi, (void)thread;
    _Atomic int *here = ctx;
    ++*here;
    for (double end = seconds_now() + 20; *here < 2 && seconds_now() < end;)
        ;
}

static void test_side_by_side(void **state) {
    (void)state;
    struct pool *pool = pool_create(2);
    _Atomic int here = 0;
    double begin = seconds_now();
    pool_for(pool, 2, 1, meet, &here);
    assert_int_equal(here, 2);
    assert_true(seconds_now() - begin < 20);
    pool_destroy(pool);
}

static void test_unused(void **state) {
    (void)state;
    for (int threads = 1; threads <= 8; threads++)
        pool_destroy(pool_create(threads));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_once),
        cmocka_unit_test(test_many_in_a_row),
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
