/* What limits a job's memory, read from directories that look like a node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lshjoin/memory.h"
#include "unit.h"

static char root[] = "/tmp/test_memory-XXXXXX";

/* A file under root, and the directories it is in. */
static void put(const char *name, const char *text) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s", root, name);
    for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        mkdir(path, 0700);
        *at = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_node(void **state) {
    (void)state;
    static const char *const slurm[] = {"SLURM_MEM_PER_NODE", "SLURM_MEM_PER_CPU", "SLURM_MEM_PER_GPU",
                                        "SLURM_CPUS_ON_NODE", "SLURM_GPUS_ON_NODE"};
    for (size_t i = 0; i < sizeof slurm / sizeof *slurm; i++)
        unsetenv(slurm[i]);
    strcpy(root + strlen(root) - 6, "XXXXXX");
    assert_non_null(mkdtemp(root));
    put("/proc/meminfo", "MemTotal:       64000000 kB\nMemFree:  1 kB\nMemAvailable:   50000000 kB\n");
    return 0;
}

static int remove_node(void **state) {
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", root);
    return system(command);
}

static const uint64_t node = 50000000ull << 10;

static void check(uint64_t bytes, const char *by) {
    struct memory_limit l = memory_of_node(root);
    assert_int_equal(l.bytes, bytes);
    assert_non_null(strstr(l.by, by));
}

static void test_node_alone(void **state) {
    (void)state;
    check(node, "node");
    put("/proc/meminfo", "MemTotal:       64000000 kB\n");
    check(64000000ull << 10, "node");
    assert_int_equal(memory_of_node("/nowhere").bytes, UINT64_MAX);
}

#define MOUNT_V2 "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define MOUNT_V1                                                                                             \
    "33 31 0:30 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"                                            \
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"

static void test_version_2(void **state) {
    (void)state;
    put("/proc/self/mountinfo", "23 1 8:1 / / rw - ext4 /dev/root rw\n" MOUNT_V2);
    put("/proc/self/cgroup", "0::/slurm/job_7/step_0\n");
    put("/sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n");
    check(node, "node");
    put("/sys/fs/cgroup/slurm/job_7/step_0/memory.max", "3000000000\n");
    check(3000000000, "cgroup");
    put("/sys/fs/cgroup/slurm/job_7/step_0/memory.high", "2900000000\n");
    check(2900000000, "cgroup");
    put("/sys/fs/cgroup/slurm/memory.max", "1000000000\n"); /* an ancestor; job_7 has no such file */
    check(1000000000, "cgroup");
    put("/sys/fs/cgroup/memory.max", "900000000\n"); /* where it is mounted */
    check(900000000, "cgroup");
    put("/sys/fs/memory.max", "1\n"); /* above it there is no cgroup */
    check(900000000, "cgroup");
}

static void test_version_1(void **state) {
    (void)state;
    put("/proc/self/mountinfo", MOUNT_V1);
    put("/proc/self/cgroup", "7:cpu:/other\n5:hugetlb,memory:/slurm/job_7\n0::/x\n");
    put("/sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "9223372036854771712\n");
    check(node, "node");
    put("/sys/fs/cgroup/memory/slurm/memory.limit_in_bytes", "2000000000\n");
    check(2000000000, "cgroup");
    put("/sys/fs/cgroup/cpu/other/memory.limit_in_bytes", "5\n"); /* not where memory is bound */
    check(2000000000, "cgroup");
}

/* A container sees a part of the hierarchy, mounted anywhere. */
static void test_container(void **state) {
    (void)state;
    put("/proc/self/mountinfo", "31 23 0:28 /docker/ab /a\\040place rw - cgroup2 cgroup2 rw\n");
    put("/proc/self/cgroup", "0::/docker/ab/inner\n");
    put("/a place/inner/memory.max", "800000000\n");
    put("/a place/memory.max", "700000000\n");
    check(700000000, "cgroup");
    put("/proc/self/cgroup", "0::/docker/abc\n"); /* another one, out of sight */
    check(700000000, "cgroup");
    put("/proc/self/cgroup", "0::/../../else\n");
    check(700000000, "cgroup");
}

static void test_slurm(void **state) {
    (void)state;
    setenv("SLURM_MEM_PER_NODE", "0", 1); /* the whole node */
    check(node, "node");
    setenv("SLURM_MEM_PER_NODE", "4000", 1);
    check(4000ull << 20, "SLURM_MEM_PER_NODE");
    setenv("SLURM_MEM_PER_CPU", "300", 1);
    setenv("SLURM_CPUS_ON_NODE", "8", 1);
    check(2400ull << 20, "SLURM_MEM_PER_CPU");
    setenv("SLURM_MEM_PER_GPU", "1000", 1); /* of no GPU */
    check(2400ull << 20, "SLURM_MEM_PER_CPU");
    setenv("SLURM_GPUS_ON_NODE", "2", 1);
    check(2000ull << 20, "SLURM_MEM_PER_GPU");
    setenv("SLURM_MEM_PER_GPU", "18446744073709551615", 1);
    setenv("SLURM_MEM_PER_CPU", "lots", 1);
    check(4000ull << 20, "SLURM_MEM_PER_NODE");
}

/* What is touched is held; a peak stays. */
static void test_held(void **state) {
    (void)state;
    const size_t bytes = (size_t)64 << 20;
    struct memory_held before = memory_held();
    assert_true(before.own > 0 && before.own < before.bytes);
    volatile char *p = malloc(bytes);
    for (size_t i = 0; i < bytes; i += 512)
        p[i] = 1;
    struct memory_held during = memory_held();
    assert_in_range(during.own - before.own, bytes - (1 << 20), bytes + (1 << 20));
    free((void *)p);
    assert_in_range(during.bytes - before.bytes, bytes - (1 << 20), bytes + (8 << 20));
    assert_true(memory_held().bytes < during.bytes - bytes / 2);
    assert_true(memory_peak(0) >= before.bytes + bytes - (1 << 20));
    assert_int_equal(memory_peak(UINT64_MAX), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_node_alone, make_node, remove_node),
        cmocka_unit_test_setup_teardown(test_version_2, make_node, remove_node),
        cmocka_unit_test_setup_teardown(test_version_1, make_node, remove_node),
        cmocka_unit_test_setup_teardown(test_container, make_node, remove_node),
        cmocka_unit_test_setup_teardown(test_slurm, make_node, remove_node),
        cmocka_unit_test(test_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
