/* The reader of mhash text: what it takes, and what it says of every kind of mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lshjoin/text_read.h"

static FILE *stream_of(const char *text, size_t n) {
    FILE *f = tmpfile();
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    rewind(f);
    return f;
}

static void check_sets(const struct records *sets, uint64_t n, const uint64_t *offset,
                       const uint32_t *elements) {
    assert_int_equal(sets->n, n);
    assert_int_equal(sets->item, 4);
    assert_memory_equal(sets->offset, offset, (n + 1) * sizeof *offset);
    if (offset[n])
        assert_memory_equal(sets->data, elements, offset[n] * sizeof *elements);
}

/* `text` reads as one database of these sets, and nothing follows. */
static void check_read(const char *text, uint64_t n, const uint64_t *offset, const uint32_t *elements) {
    FILE *f = stream_of(text, strlen(text));
    struct records sets;
    struct error e = {0};
    uint64_t line = 0;
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), 0);
    check_sets(&sets, n, offset, elements);
    assert_int_equal(line, n + 1);
    assert_int_equal(text_read_end(f, "t", &line, &e), 0);
    records_free(&sets);
    fclose(f);
}

static void test_sets(void **state) {
    (void)state;
    const uint64_t offset[] = {0, 2, 2, 5};
    const uint32_t elements[] = {4, 0, 3, 3, 1};
    check_read("3,5,5\n2,4,0\n0\n3,3,3,1\n", 3, offset, elements);
    check_read("3,5,5\r\n2,4,0\r\n0\r\n3,3,3,1\r\n", 3, offset, elements);
    check_read("3,5,5\n2,4,0\n0\n3,3,3,1", 3, offset, elements);
    check_read("3,5,5\n2,4,0\n0\n3,3,3,1\n\n\r\n", 3, offset, elements);
    check_read("0,0,0\n", 0, offset, elements);
    check_read("0,0,0", 0, offset, elements);
}

static void test_largest_feature(void **state) {
    (void)state;
    const uint64_t offset[] = {0, 1};
    const uint32_t elements[] = {UINT32_MAX};
    check_read("1,1,4294967296\n1,4294967295\n", 1, offset, elements);
    check_read("1,1,18446744073709551615\n1,4294967295\n", 1, offset, elements);
}

/* Enough sets that every array grows several times. */
static void test_many_sets(void **state) {
    (void)state;
    enum { SETS = 5000 };
    FILE *f = tmpfile();
    assert_non_null(f);
    uint64_t features = 0, line = 0;
    for (uint32_t i = 0; i < SETS; i++)
        features += i % 7;
    fprintf(f, "%d,%llu,%d\n", SETS, (unsigned long long)features, SETS + 6);
    for (uint32_t i = 0; i < SETS; i++) {
        fprintf(f, "%u", i % 7);
        for (uint32_t k = 0; k < i % 7; k++)
            fprintf(f, ",%u", i + k);
        fputs("\n", f);
    }
    rewind(f);
    struct records sets;
    struct error e = {0};
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), 0);
    assert_int_equal(sets.n, SETS);
    for (uint32_t i = 0; i < SETS; i++) {
        assert_int_equal(records_length(&sets, i), i % 7);
        for (uint32_t k = 0; k < i % 7; k++)
            assert_int_equal(((const uint32_t *)records_row(&sets, i))[k], i + k);
    }
    records_free(&sets);
    fclose(f);
}

/* Queries and targets in one stream; lines count on. */
static void test_two_databases(void **state) {
    (void)state;
    const char text[] = "1,1,5\n1,4\n2,1,9\n0\n1,8\n";
    FILE *f = stream_of(text, strlen(text));
    struct records sets;
    struct error e = {0};
    uint64_t line = 0;
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), 0);
    check_sets(&sets, 1, (const uint64_t[]){0, 1}, (const uint32_t[]){4});
    records_free(&sets);
    assert_int_equal(line, 2);
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), 0);
    check_sets(&sets, 2, (const uint64_t[]){0, 0, 1}, (const uint32_t[]){8});
    records_free(&sets);
    assert_int_equal(line, 5);
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), EX_DATAERR);
    assert_string_equal(e.text, "t: line 6: expected a database (N,D,d), found the end of the file");
    fclose(f);
}

struct mistake {
    const char *text, *message;
};

static void check_mistake_bytes(const char *text, size_t n, const char *message) {
    FILE *f = stream_of(text, n);
    struct records sets;
    struct error e = {0};
    uint64_t line = 0;
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), EX_DATAERR);
    assert_string_equal(e.text, message);
    assert_int_equal(sets.n, 0);
    assert_null(sets.offset);
    assert_null(sets.data);
    fclose(f);
}

static void check_mistake(const char *text, const char *message) {
    check_mistake_bytes(text, strlen(text), message);
}

static void test_mistakes(void **state) {
    (void)state;
    const struct mistake mistakes[] = {
        {"", "t: line 1: expected a database (N,D,d), found the end of the file"},
        {"\n", "t: line 1: expected a database (N,D,d), found ''"},
        {"hello\n", "t: line 1: expected a database (N,D,d), found 'hello'"},
        {"1,2\n", "t: line 1: expected a database (N,D,d), found '1,2'"},
        {"1,2,3,4\n", "t: line 1: expected a database (N,D,d), found '1,2,3,4'"},
        {"1,,3\n", "t: line 1: expected a database (N,D,d), found '1,,3'"},
        {"-1,2,3\n", "t: line 1: expected a database (N,D,d), found '-1,2,3'"},
        {"1,2,3 \n", "t: line 1: expected a database (N,D,d), found '1,2,3 '"},
        {"1,2,18446744073709551616\n",
         "t: line 1: expected a database (N,D,d), found '1,2,18446744073709551616'"},
        {"2,3,9\n2,0,1\n", "t: line 3: found the end of the file after 1 of 2 sets"},
        {"2,3,9\n", "t: line 2: found the end of the file after 0 of 2 sets"},
        {"1,1,9\n\n", "t: line 2: expected a set (m,f1,...,fm), found an empty line"},
        {"1,2,9\n2,0\n", "t: line 2: expected 2 features, found 1"},
        {"1,2,9\n2\n", "t: line 2: expected 2 features, found 0"},
        {"1,2,9\n2,0,1,2\n", "t: line 2: expected 2 features, found 3"},
        {"1,2,9\n2,0,1,\n", "t: line 2: expected 2 features, found 3"},
        {"1,0,9\n0,\n", "t: line 2: expected 0 features, found 1"},
        {"2,3,9\n2,0,1\n2,0", "t: line 3: expected 2 features, found 1 and the end of the file"},
        {"1,2,9\n2,0,x\n", "t: line 2: expected a number, found 'x'"},
        {"1,2,9\nx,0,1\n", "t: line 2: expected a number, found 'x'"},
        {"1,2,9\n2,,1\n", "t: line 2: expected a number, found ''"},
        {"1,2,9\n2,0,\n", "t: line 2: expected a number, found ''"},
        {"1,2,9\n,0,1\n", "t: line 2: expected a number, found ''"},
        {"1,2,9\n2,-1,1\n", "t: line 2: expected a number, found '-1'"},
        {"1,2,9\n2,1.5,1\n", "t: line 2: expected a number, found '1.5'"},
        {"1,2,9\n2,0,1 end\n", "t: line 2: expected a number, found '1 end'"},
        {"1,2,9\n2, 0,1\n", "t: line 2: expected a number, found ' 0'"},
        {"1,2,9\n2,0,\t\x01\xff\n", "t: line 2: expected a number, found '\?\?\?'"},
        {"1,1,9\n1,0123456789012345678901234567890123456789x1\n",
         "t: line 2: the number 0123456789012345678901234567890123456789... is too large"},
        {"1,1,9\n1,abcdefghijabcdefghijabcdefghijabcdefghij!\n",
         "t: line 2: expected a number, found 'abcdefghijabcdefghijabcdefghijabcdefghij...'"},
        {"1,1,9\n1,18446744073709551616\n", "t: line 2: the number 18446744073709551616 is too large"},
        {"1,2,10\n2,9,12\n", "t: line 2: feature 12 is not below 10"},
        {"1,1,10\n1,10\n", "t: line 2: feature 10 is not below 10"},
        {"1,1,18446744073709551615\n1,4294967296\n", "t: line 2: feature 4294967296 is not below 4294967296"},
        {"2,4,9\n2,0,1\n1,0\n", "t: line 1: expected 4 features in all, found 3"},
        {"2,2,9\n2,0,1\n1,0\n", "t: line 1: expected 2 features in all, found 3"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        check_mistake(mistakes[i].text, mistakes[i].message);
}

static void test_zero_byte(void **state) {
    (void)state;
    const char text[] = "1,2,9\n2,0\0,1\n";
    check_mistake_bytes(text, sizeof text - 1, "t: line 2: expected a number, found '0?'");
}

/* Memory follows the text, not what the header or a line claims: so much could not be had. */
static void test_empty_claims(void **state) {
    (void)state;
    check_mistake("1152921504606846976,1152921504606846976,9\n1,2\n",
                  "t: line 3: found the end of the file after 1 of 1152921504606846976 sets");
    check_mistake("1,1152921504606846976,9\n1152921504606846976,2\n",
                  "t: line 2: expected 1152921504606846976 features, found 1");
}

static void test_text_after_the_end(void **state) {
    (void)state;
    const char text[] = "1,1,9\n1,2\n\n1,3\n";
    FILE *f = stream_of(text, strlen(text));
    struct records sets;
    struct error e = {0};
    uint64_t line = 0;
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), 0);
    assert_int_equal(text_read_end(f, "t", &line, &e), EX_DATAERR);
    assert_string_equal(e.text, "t: line 4: expected the end of the file, found '1,3'");
    records_free(&sets);
    fclose(f);
}

static void test_unreadable_stream(void **state) {
    (void)state;
    FILE *f = fopen("/", "r");
    assert_non_null(f);
    struct records sets;
    struct error e = {0};
    uint64_t line = 0;
    assert_int_equal(text_read_sets(f, "t", &line, &sets, &e), EX_IOERR);
    assert_string_equal(e.text, "t: cannot be read: Is a directory");
    fclose(f);
}

static void test_is_header(void **state) {
    (void)state;
    assert_true(text_is_header("10,28,5"));
    assert_true(text_is_header("10,28,5\n"));
    assert_true(text_is_header("10,28,5\r\n"));
    assert_false(text_is_header(""));
    assert_false(text_is_header("10,28"));
    assert_false(text_is_header("10,28,"));
    assert_false(text_is_header("10,28,5,"));
    assert_false(text_is_header("10,28,5 "));
    assert_false(text_is_header("a,b,c"));
    assert_false(text_is_header("\x89HDF\r\n\x1a\n"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets),         cmocka_unit_test(test_largest_feature),
        cmocka_unit_test(test_many_sets),    cmocka_unit_test(test_two_databases),
        cmocka_unit_test(test_mistakes),     cmocka_unit_test(test_zero_byte),
        cmocka_unit_test(test_empty_claims), cmocka_unit_test(test_text_after_the_end),
        cmocka_unit_test(test_is_header),    cmocka_unit_test(test_unreadable_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
