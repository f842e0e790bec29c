/* Runs that come back merged, beside sorting all at once; and scratch files that cannot be written. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "lshjoin/base.h"
#include "lshjoin/runs.h"
#include "lshjoin/scratch.h"
#include "unit.h"

static char directory[] = "/tmp/test_runs-XXXXXX";

enum { SUM_BITS = 4, SUM = (1 << SUM_BITS) - 1 };

static int compare(const void *a, const void *b) {
    const struct u64_pair *x = a, *y = b;
    if (x->first != y->first)
        return x->first < y->first ? -1 : 1;
    return (x->second > y->second) - (x->second < y->second);
}

/* Few different pairs, so that runs share many. */
static struct u64_pair draw(uint64_t k, uint64_t range) {
    uint64_t x = mix64(k + 1);
    return (struct u64_pair){x % range, (x >> 32) % range << SUM_BITS | 1};
}

static void merge_and_compare(uint64_t n_runs, uint64_t each, uint64_t range, uint64_t bytes, uint64_t most) {
    struct error e = {0};
    struct runs *r = runs_create(directory, SUM_BITS);
    uint64_t n = n_runs * each, kept = 0, done = 0, some = 1;
    struct u64_pair *all = mem_alloc(n, sizeof *all), *out = mem_alloc(most, sizeof *out);
    for (uint64_t k = 0; k < n; k++)
        all[k] = draw(k, range);
    for (uint64_t k = 0; k < n_runs; k++) {
        struct u64_pair *run = all + k * each;
        qsort(run, each, sizeof *run, compare);
        uint64_t m = 0; /* within a run a pair comes once */
        struct u64_pair *once = mem_alloc(each, sizeof *once);
        for (uint64_t i = 0; i < each; i++)
            if (i == 0 || compare(&run[i - 1], &run[i]) != 0)
                once[m++] = run[i];
            else
                run[i - 1].second = UINT64_MAX; /* not counted below */
        assert_int_equal(runs_add(r, once, m, &e), 0);
        free(once);
    }
    qsort(all, n, sizeof *all, compare);
    for (uint64_t k = 0; k < n; k++) {
        struct u64_pair *last = all + kept - 1;
        if (all[k].second == UINT64_MAX)
            continue;
        if (kept > 0 && last->first == all[k].first && last->second >> SUM_BITS == all[k].second >> SUM_BITS)
            last->second += all[k].second & SUM;
        else
            all[kept++] = all[k];
    }
    assert_int_equal(runs_begin(r, bytes, &e), 0);
    for (; some > 0; done += some) {
        assert_int_equal(runs_next(r, out, most, &some, &e), 0);
        assert_true(some == most || done + some == kept);
        assert_true(done + some <= kept);
        assert_memory_equal(out, all + done, some * sizeof *out);
    }
    assert_int_equal(done, kept);
    runs_free(r);
    free(out);
    free(all);
}

static void test_merge(void **state) {
    (void)state;
    merge_and_compare(0, 5, 10, 1 << 20, 7);
    merge_and_compare(1, 1, 10, 1 << 20, 7);
    merge_and_compare(2, 1000, 20, 1 << 20, 7);
    merge_and_compare(7, 10000, 3000, 1 << 20, 1000);
    merge_and_compare(3, 200000, 1000000, 1 << 10, 4096); /* runs longer than buffers */
}

/* More runs than there are buffers for: some are merged first. */
static void test_many_runs(void **state) {
    (void)state;
    merge_and_compare(14, 300, 40, 1, 100);
    merge_and_compare(15, 5000, 100000, 3 << 16, 100);
}

static int count_files(void) {
    DIR *d = opendir(directory);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(d));)
        n += entry->d_name[0] != '.';
    closedir(d);
    return n;
}

static void test_scratch(void **state) {
    (void)state;
    struct error e = {0};
    struct scratch s = scratch_make(directory);
    char out[6];
    assert_int_equal(scratch_append(&s, "hello", 5, &e) || scratch_append(&s, " you", 4, &e), 0);
    assert_int_equal(count_files(), 0); /* nobody sees it */
    assert_int_equal(scratch_read(&s, 3, out, 6, &e), 0);
    assert_memory_equal(out, "lo you", 6);
    assert_int_equal(scratch_read(&s, 4, out, 6, &e), EX_IOERR);
    scratch_close(&s);
}

static void test_no_scratch(void **state) {
    (void)state;
    struct error e = {0};
    struct runs *r = runs_create("/nowhere", 0);
    struct u64_pair pair = {1, 2};
    assert_int_equal(runs_add(r, &pair, 0, &e), 0); /* nothing to write, no file */
    assert_int_equal(runs_add(r, &pair, 1, &e), EX_CANTCREAT);
    assert_non_null(strstr(e.text, "/nowhere: no temporary file can be made there (see --scratch): No such"));
    runs_free(r);
}

/* A disk that is full in the middle of a write. */
static void test_full(void **state) {
    (void)state;
    struct error e = {0};
    struct rlimit old, small = {1000, RLIM_INFINITY};
    char data[1500] = {0};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    struct scratch s = scratch_make(directory);
    assert_int_equal(scratch_append(&s, data, sizeof data, &e), EX_IOERR);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_non_null(strstr(e.text, ": a temporary file cannot be written (see --scratch): File too large"));
    assert_int_equal(s.bytes, 1000);
    scratch_close(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_merge), cmocka_unit_test(test_many_runs),
                                       cmocka_unit_test(test_scratch), cmocka_unit_test(test_no_scratch),
                                       cmocka_unit_test(test_full)};
    if (!mkdtemp(directory))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return rmdir(directory) || failed;
}
