/* Shingles of texts, against hashes that another implementation of XXH3 computed (python3-xxhash) and against
 * a plain way to make them. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include <xxhash.h>

#include "pack/shingle.h"

static uint64_t shingles_of(const struct shingling *s, const char *text, uint64_t bytes, struct buffer *out,
                            uint64_t *invalid) {
    struct text_scratch scratch = {0};
    uint64_t n = shingle_text(s, text, bytes, &scratch, out, invalid);
    text_scratch_free(&scratch);
    return n;
}

static void check_known(const struct shingling *s, const char *text, uint64_t bytes, const uint64_t *expected,
                        uint64_t n) {
    struct buffer out = {0};
    uint64_t invalid = 0;
    assert_int_equal(shingles_of(s, text, bytes, &out, &invalid), n);
    assert_int_equal(out.bytes, n * sizeof *expected);
    if (n > 0)
        assert_memory_equal(out.data, expected, out.bytes);
    buffer_free(&out);
}

static void test_known_words(void **state) {
    (void)state;
    const struct shingling three = {.words = true, .n = 3}, kept = {true, 2, true, true, true};
    const uint64_t folded[] = {0x4d8c409bb88cc391, 0x5a97d37b81ad982f}; /* the quick brown, quick brown fox */
    const uint64_t as_is[] = {0xd93cdbcf9e79c842};                      /* brown Fox! */
    const uint64_t both[] = {0xb67125430a4d963e};                       /* quick fox */
    check_known(&three, "the quick brown fox", 19, folded, 2);
    check_known(&three, "  The QUICK,\tbrown -- \"Fox\"!\r\n", 30, folded, 2);
    check_known(&kept, "brown  \t Fox!", 13, as_is, 1);
    check_known(&three, "quick fox", 9, both, 1);
    check_known(&three, "", 0, NULL, 0);
    check_known(&three, " .\t,; \xe2\x80\x94 ", 10, NULL, 0);
}

static void test_known_code_points(void **state) {
    (void)state;
    const struct shingling three = {.n = 3}, two = {.n = 2}, kept = {.n = 3, .keep_space = true};
    const uint64_t letters[] = {0x78af5f94892f3950, 0xa3e4ba8f4a7b3525}; /* abc, bcd */
    const uint64_t umlauts[] = {0x009d00f5a4fa8032, 0x3a6082ead76cc352}; /* äöü, öüx */
    const uint64_t with_space[] = {0x8044f8a624582c4c}, ab[] = {0xa873719c24d5735c};
    const uint64_t tab[] = {0xe724b9ccbf86258c}; /* a, tab, b */
    check_known(&three, "aBcD", 4, letters, 2);
    check_known(&three, "\xc3\x84\xc3\xb6\xc3\x9cX", 7, umlauts, 2);
    check_known(&three, " a \n\t b ", 8, with_space, 1);
    check_known(&three, "a\0b", 3, with_space, 1);
    check_known(&kept, "A\tb", 3, tab, 1);
    check_known(&two, "ab", 2, ab, 1);
}

struct folded {
    const char *text, *to;
    uint64_t invalid;
};

static void check_folded(const struct folding *f, const struct folded *c) {
    struct buffer out = {0};
    uint64_t invalid = text_fold(f, c->text, strlen(c->text), &out);
    if (out.bytes != strlen(c->to) || (out.bytes && memcmp(out.data, c->to, out.bytes)))
        fail_msg("'%s' became '%.*s', expected '%s'", c->text, (int)out.bytes, out.data, c->to);
    if (invalid != c->invalid)
        fail_msg("'%s': %d invalid, expected %d", c->text, (int)invalid, (int)c->invalid);
    buffer_free(&out);
}

static void test_folding(void **state) {
    (void)state;
    static const struct folded cases[] = {
        {"Stra\xc3\x9f\x65 \xe1\xba\x9e", "stra\xc3\x9f\x65 \xc3\x9f", 0}, /* no ss */
        {"\xc4\xb0", "i", 0},                                              /* I with a dot: one letter */
        {"\xce\xa3\xce\x91\xce\xa3", "\xcf\x83\xce\xb1\xcf\x83", 0},       /* no final sigma */
        {"\xc8\xba", "\xe2\xb1\xa5", 0},                                   /* two bytes become three */
        {"a\xc2\xa0\xe2\x80\xa8\xe3\x80\x80\xc2\x85\x62", "a b", 0},       /* no-break, line, wide, C1 */
        {"\xc2\xabx\xc2\xbb\xe2\x82\xac\xf0\x9f\x98\x80y", "x y", 0},      /* quotes, euro, a face */
        {"a\xc2\xad\x62", "a\xc2\xad\x62", 0},                             /* soft hyphen: no punctuation */
        {"\x01x\x7f", "x", 0},
    };
    struct folding f;
    folding_make(&f, true, true, true);
    for (size_t i = 0; i < LENGTH(cases); i++)
        check_folded(&f, &cases[i]);
}

#define FFFD "\xef\xbf\xbd"

/* The examples of The Unicode Standard, 3.9, tables 3-8 to 3-11, and more. */
static void test_invalid(void **state) {
    (void)state;
    static const struct folded cases[] = {
        {"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", 8},
        {"\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41", FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "A", 8},
        {"\xf4\x91\x92\x93\xff\x41\x80\xbf\x42", FFFD FFFD FFFD FFFD FFFD "A" FFFD FFFD "B", 7},
        {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41", FFFD FFFD FFFD FFFD "A", 4},
        {"x\xe2\x82", "x" FFFD, 1},
        {"\xf0\x9f\x98", FFFD, 1},
        {"\xc3", FFFD, 1},
        {"\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD, 4},
        {"\xf4\x8f\xbf\xbf\xee\x80\x80\xed\x9f\xbf", "\xf4\x8f\xbf\xbf\xee\x80\x80\xed\x9f\xbf", 0},
    };
    struct folding f;
    folding_make(&f, false, false, false);
    for (size_t i = 0; i < LENGTH(cases); i++)
        check_folded(&f, &cases[i]);
}

/* What is behind the end of a text, the next record perhaps, is no part of its last sequence. */
static void test_ends(void **state) {
    (void)state;
    struct folding f;
    struct buffer out = {0};
    folding_make(&f, false, false, false);
    for (uint64_t bytes = 1; bytes < 4; bytes++) {
        assert_int_equal(text_fold(&f, "\xf0\x9f\x98\x80", bytes, &out), 1);
        assert_int_equal(out.bytes, 3);
        assert_int_equal(text_fold(&f, "\xc3\xa4", 1, &out), 1);
    }
    buffer_free(&out);
}

/* ASCII within a long run, where it's folded by arithmetic, and alone, where it's folded by a table. */
static void test_ascii(void **state) {
    (void)state;
    struct folding f;
    struct buffer out = {0};
    for (int flags = 0; flags < 8; flags++) {
        folding_make(&f, flags & 1, flags & 2, flags & 4);
        for (int c = 0; c < 0x80; c++) {
            char text[] = "xxxxxxxx?yyyyyyyyyy";
            text[8] = (char)c;
            text_fold(&f, text, sizeof text - 1, &out);
            assert_int_equal(out.bytes, sizeof text - 1);
            assert_int_equal(out.data[8], f.to[c]);
            assert_int_equal(out.data[7], 'x');
        }
    }
    buffer_free(&out);
}

/* A text of code points, each as it is and as it ought to become. */
struct text {
    uint64_t n;
    int32_t *folded;
    struct buffer bytes;
};

static bool vanishes(const struct shingling *s, int32_t c) {
    const char *category = utf8proc_category_string(c);
    bool space = category[0] == 'Z' || !strcmp(category, "Cc");
    bool mark = category[0] == 'P' || category[0] == 'S';
    return (mark && !s->keep_punctuation) || (space && (s->words || !s->keep_space));
}

static int32_t random_code_point(uint64_t *seed) {
    static const int32_t some[] = {' ', ' ', '\n', '.', 'A', 0xa0, 0x410, 0x2014, 0x3042, 0x1f600, 0};
    uint64_t kind = random_below(seed, 64);
    if (kind < 40)
        return (int32_t)('a' + random_below(seed, 26));
    if (kind < 60)
        return some[random_below(seed, LENGTH(some))];
    int32_t c = (int32_t)random_below(seed, kind < 62 ? 0x800 : 0x110000);
    return c >= 0xd800 && c < 0xe000 ? 'X' : c;
}

static struct text random_text(const struct shingling *s, uint64_t n, uint64_t *seed) {
    struct text t = {0, mem_alloc(n, sizeof *t.folded), {0}};
    bool squeeze = s->words || !s->keep_space;
    for (uint64_t i = 0; i < n; i++) {
        int32_t c = random_code_point(seed);
        char *room = buffer_room(&t.bytes, 4);
        t.bytes.bytes += (uint64_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)room);
        c = s->keep_case ? c : utf8proc_tolower(c);
        c = vanishes(s, c) ? ' ' : c;
        if (c != ' ' || !squeeze || (t.n > 0 && t.folded[t.n - 1] != ' '))
            t.folded[t.n++] = c;
    }
    t.n -= squeeze && t.n > 0 && t.folded[t.n - 1] == ' ';
    return t;
}

/* Whether a word or a code point begins at i. */
static bool begins(const struct shingling *s, const struct text *t, uint64_t i) {
    return !s->words || i == 0 || t->folded[i - 1] == ' ';
}

/* The hash of n units from code point i on, if there are n, or if there are no more and i is 0. */
static bool plain_shingle(const struct shingling *s, const struct text *t, uint64_t i, uint64_t *hash) {
    char *bytes = mem_alloc(4 * (t->n + 1), 1);
    uint64_t units = 0, length = 0, end = i;
    for (; end < t->n && (units += begins(s, t, end)) <= s->n; end++)
        length += (uint64_t)utf8proc_encode_char(t->folded[end], (utf8proc_uint8_t *)bytes + length);
    *hash = XXH3_64bits(bytes, length - (s->words && end < t->n));
    free(bytes);
    return units >= s->n || i == 0;
}

static void check_random(const struct shingling *s, uint64_t length, uint64_t *seed) {
    struct text t = random_text(s, length, seed);
    struct buffer out = {0};
    uint64_t invalid = 0, n = shingles_of(s, t.bytes.data, t.bytes.bytes, &out, &invalid), k = 0, hash;
    for (uint64_t i = 0; i < t.n; i++)
        if (begins(s, &t, i) && plain_shingle(s, &t, i, &hash)) {
            if (k >= n || ((uint64_t *)out.data)[k] != hash)
                fail_msg("shingle %d of %d differs (words %d, n %d)", (int)k, (int)n, s->words, (int)s->n);
            k++;
        }
    assert_int_equal(k, n);
    assert_int_equal(invalid, 0);
    buffer_free(&out);
    buffer_free(&t.bytes);
    free(t.folded);
}

static void test_random_texts(void **state) {
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 5, 40};
    uint64_t seed = 1;
    for (int round = 0; round < 3000; round++) {
        uint64_t flags = random_next(&seed);
        struct shingling s = {flags & 1, sizes[random_below(&seed, LENGTH(sizes))], flags & 2, flags & 4,
                              flags & 8};
        check_random(&s, random_below(&seed, 150), &seed);
    }
    for (int flags = 0; flags < 16; flags++) { /* longer than a block */
        struct shingling s = {flags & 1, 3, flags & 2, flags & 4, flags & 8};
        check_random(&s, 6000, &seed);
    }
}

/* One scratch serves texts of all lengths and foldings, and what `out` holds stays. */
static void test_appends(void **state) {
    (void)state;
    struct shingling s = {.words = true, .n = 1};
    struct text_scratch scratch = {0};
    struct buffer out = {0};
    uint64_t invalid = 0;
    assert_int_equal(shingle_text(&s, "the", 3, &scratch, &out, &invalid), 1);
    s.keep_case = true;
    assert_int_equal(shingle_text(&s, "The \xff", 5, &scratch, &out, &invalid), 1);
    s.keep_punctuation = true;
    assert_int_equal(shingle_text(&s, "fox \xff\xfe", 6, &scratch, &out, &invalid), 2);
    const uint64_t *got = (uint64_t *)out.data;
    assert_int_equal(out.bytes, 4 * sizeof *got);
    assert_true(got[0] == 0xcb1283631cf33d7d && got[1] != got[0] && got[2] == 0xc1cfee97854b92cf);
    assert_true(got[3] == 0xf2cc9b63c7b2140c); /* two replacement characters */
    assert_int_equal(invalid, 3);
    buffer_free(&out);
    text_scratch_free(&scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_words),  cmocka_unit_test(test_known_code_points),
        cmocka_unit_test(test_folding),      cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_ends),         cmocka_unit_test(test_ascii),
        cmocka_unit_test(test_random_texts), cmocka_unit_test(test_appends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
