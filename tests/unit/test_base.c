/* Errors, death and memory. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

static void test_first_error_stays(void **state) {
    (void)state;
    struct error e = {0};
    assert_int_equal(error_set(&e, EX_DATAERR, "row %d of %s", 7, "x"), EX_DATAERR);
    assert_int_equal(error_set(&e, EX_USAGE, "later"), EX_DATAERR);
    assert_int_equal(e.status, EX_DATAERR);
    assert_string_equal(e.text, "row 7 of x");
}

static void test_long_error_is_cut(void **state) {
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    struct error e = {0};
    error_set(&e, EX_DATAERR, "%s", text);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void leave_with_one_more(int status) {
    _exit(status + 1);
}

/* Run fn in a child process. Returns its exit status; out[size] is what it wrote on stderr. */
static int run_child(void (*fn)(void), char *out, size_t size) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        fn();
        _exit(0);
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t got; (got = read(ends[0], out + n, size - 1 - n)) > 0;)
        n += (size_t)got;
    out[n] = 0;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void die_plainly(void) {
    die(EX_OSERR, "disk %d is full", 3);
}

static void die_by_hook(void) {
    die_hook("tester", leave_with_one_more);
    die(EX_OSERR, "gone");
}

static void alloc_too_much(void) {
    mem_alloc((uint64_t)1 << 62, 16);
}

static void zero_too_much(void) {
    mem_zero((uint64_t)1 << 62, 1);
}

static void grow_too_much(void) {
    mem_grow(NULL, UINT64_MAX, 2);
}

static void test_die(void **state) {
    (void)state;
    char text[2000];
    assert_int_equal(run_child(die_plainly, text, sizeof text), EX_OSERR);
    assert_string_equal(text, "lshjoin: disk 3 is full\n");
    assert_int_equal(run_child(die_by_hook, text, sizeof text), EX_OSERR + 1);
    assert_string_equal(text, "tester: gone\n");
}

static void test_too_much_memory(void **state) {
    (void)state;
    void (*const child[])(void) = {alloc_too_much, zero_too_much, grow_too_much};
    for (size_t i = 0; i < LENGTH(child); i++) {
        char text[2000];
        assert_int_equal(run_child(child[i], text, sizeof text), EX_OSERR);
        assert_non_null(strstr(text, "lshjoin: out of memory"));
    }
}

static void test_memory(void **state) {
    (void)state;
    const uint64_t sizes[] = {0, 1, 4095, 1 << 20, (4 << 20) - 1, 4 << 20, (9 << 20) + 1};
    for (size_t i = 0; i < LENGTH(sizes); i++) {
        unsigned char *dirty = mem_alloc(sizes[i], 1);
        memset(dirty, 0xa5, sizes[i]);
        free(dirty);
        unsigned char *p = mem_zero(sizes[i], 1);
        assert_non_null(p);
        for (uint64_t k = 0; k < sizes[i]; k++)
            if (p[k])
                fail_msg("byte %llu of %llu is not zero", (unsigned long long)k,
                         (unsigned long long)sizes[i]);
        memset(p, 0x5a, sizes[i]);
        p = mem_grow(p, 2 * sizes[i] + 1, 1);
        for (uint64_t k = 0; k < sizes[i]; k++)
            if (p[k] != 0x5a)
                fail_msg("byte %llu of %llu is lost", (unsigned long long)k, (unsigned long long)sizes[i]);
        free(p);
    }
}

/* The published first outputs of splitmix64 with seed 0. */
static void test_mix64(void **state) {
    (void)state;
    uint64_t seed = 0;
    assert_true(random_next(&seed) == 0xe220a8397b1dcdafu);
    assert_true(random_next(&seed) == 0x6e789e6aa1b965f4u);
    assert_true(random_next(&seed) == 0x06c45d188009454fu);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_error_stays),
        cmocka_unit_test(test_long_error_is_cut),
        cmocka_unit_test(test_die),
        cmocka_unit_test(test_too_much_memory),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_mix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
