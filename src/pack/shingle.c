#include "shingle.h"

#include <endian.h>
#include <string.h>

/* Most shingles are a few dozen bytes: a call would cost as much as the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lshjoin/base.h"

enum {
    BLOCK = 4096, /* bytes of text between two looks at the room there is */
    STEP = 8,     /* of these, bytes looked at together */
    SPARE = 3     /* places behind the units of a block that may be written to */
};

void text_scratch_free(struct text_scratch *scratch) {
    buffer_free(&scratch->folded);
}

/* What a word is does not depend on whether spaces are kept. */
static const struct folding *folding_of(const struct shingling *s, struct text_scratch *scratch) {
    struct folding *f = &scratch->folding;
    bool lower = !s->keep_case, punctuation = !s->keep_punctuation, space = s->words || !s->keep_space;
    if (!scratch->has_folding || f->lower != lower || f->punctuation != punctuation || f->space != space)
        folding_make(f, lower, punctuation, space);
    scratch->has_folding = true;
    return f;
}

/* The next STEP bytes, the first one lowest. */
static uint64_t load(const char *text) {
    uint64_t bytes;
    memcpy(&bytes, text, STEP);
    return le64toh(bytes);
}

/* 0x80 in the place of each space. */
static uint64_t spaces_in(uint64_t bytes) {
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;
    uint64_t other = bytes ^ 0x2020202020202020; /* 0: a space */
    return ~(((other & low) + low) | other | low);
}

/* The place behind the first of the spaces; any, where there is none. */
static uint64_t behind_first(uint64_t spaces) {
    return (uint64_t)__builtin_ctzll(spaces | (uint64_t)1 << 63) / STEP + 1;
}

/* Two places are always written, for there are seldom more spaces, and a branch on whether there are none,
 * one or two would often be mistaken. */
static uint64_t mark_words(const char *text, uint64_t i, uint64_t *start, uint64_t n) {
    uint64_t spaces = spaces_in(load(text + i)), count = (spaces >> 7) * 0x0101010101010101 >> 56;
    start[n] = i + behind_first(spaces);
    spaces &= spaces - 1;
    start[n + 1] = i + behind_first(spaces);
    spaces &= spaces - 1;
    for (uint64_t k = n + 2; spaces; spaces &= spaces - 1)
        start[k++] = i + behind_first(spaces);
    return n + count;
}

static uint64_t mark_byte(bool words, const char *text, uint64_t i, uint64_t *start, uint64_t n) {
    start[n] = i + words;
    return n + (words ? text[i] == ' ' : (text[i] & 0xc0) != 0x80);
}

static uint64_t mark_code_points(const char *text, uint64_t i, uint64_t *start, uint64_t n) {
    if (load(text + i) & 0x8080808080808080) {
        for (uint64_t end = i + STEP; i < end; i++)
            n = mark_byte(false, text, i, start, n);
        return n;
    }
    for (uint64_t k = 0; k < STEP; k++)
        start[n + k] = i + k;
    return n + STEP;
}

/* The units of text[i .. end-1] to start[n ...]. Returns how many there are then. */
static uint64_t mark_block(bool words, const char *text, uint64_t i, uint64_t end, uint64_t *start,
                           uint64_t n) {
    for (; end - i >= STEP; i += STEP)
        n = words ? mark_words(text, i, start, n) : mark_code_points(text, i, start, n);
    for (; i < end; i++)
        n = mark_byte(words, text, i, start, n);
    return n;
}

/* Write behind what `out` holds where each unit begins, and where one more would. Returns how many units
 * there are. */
static uint64_t mark_units(bool words, const struct buffer *text, struct buffer *out) {
    uint64_t n = words, *start = NULL;
    for (uint64_t i = 0, end; i < text->bytes; i = end) {
        end = min_u64(i + BLOCK, text->bytes);
        start = buffer_room(out, (n + end - i + SPARE) * sizeof *start);
        if (i == 0)
            start[0] = 0;
        n = mark_block(words, text->data, i, end, start, n);
    }
    start[n] = text->bytes + words;
    return n;
}

/* The shingles take the place of the units' starts: of what they are made from, each needs its own start
 * last.
 */
static void hash_units(const char *text, uint64_t *start, uint64_t shingles, uint64_t n, uint64_t gap) {
    for (uint64_t i = 0; i < shingles; i++)
        start[i] = XXH3_64bits(text + start[i], start[i + n] - gap - start[i]);
}

uint64_t shingle_text(const struct shingling *s, const char *text, uint64_t bytes,
                      struct text_scratch *scratch, struct buffer *out, uint64_t *invalid) {
    struct buffer *folded = &scratch->folded;
    *invalid += text_fold(folding_of(s, scratch), text, bytes, folded);
    if (folded->bytes == 0)
        return 0;
    uint64_t units = mark_units(s->words, folded, out), n = min_u64(s->n, units), shingles = units - n + 1;
    hash_units(folded->data, buffer_room(out, 0), shingles, n, s->words);
    out->bytes += shingles * sizeof(uint64_t);
    return shingles;
}
