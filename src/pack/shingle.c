#include "shingle.h"

/* Most texts' shingles are a few dozen bytes: a call would cost as much as the hash. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "lshjoin/base.h"

void text_scratch_free(struct text_scratch *scratch) {
    buffer_free(&scratch->folded);
}

/* What a word is does not depend on whether spaces are kept. */
static const struct folding *folding_of(const struct shingling *s, struct text_scratch *scratch) {
    struct folding *f = &scratch->folding;
    bool lower = !s->keep_case, punctuation = !s->keep_punctuation, space = s->words || !s->keep_space;
    if (!f->is_made || f->lower != lower || f->punctuation != punctuation || f->space != space)
        *f = folding_make(lower, punctuation, space);
    return f;
}

/* Whether a unit begins behind this byte (words), or at it (code points). */
static bool is_mark(bool words, char c) {
    return words ? c == ' ' : (c & 0xc0) != 0x80;
}

static uint64_t count_marks(bool words, const char *text, uint64_t bytes) {
    uint64_t n = 0;
    for (uint64_t i = 0; i < bytes; i++)
        n += is_mark(words, text[i]);
    return n;
}

/* start[0 .. units-1]: where each unit begins; start[units]: where one more would. */
static void mark_units(bool words, const char *text, uint64_t bytes, uint64_t *start) {
    uint64_t n = 0;
    if (words)
        start[n++] = 0;
    for (uint64_t i = 0; i < bytes; i++) {
        start[n] = i + words;
        n += is_mark(words, text[i]);
    }
    start[n] = bytes + words;
}

/* The shingles take the place of the units' starts: no longer needed there once a shingle is made. */
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
    uint64_t units = count_marks(s->words, folded->data, folded->bytes) + s->words, n = min_u64(s->n, units);
    uint64_t *start = buffer_room(out, (units + 1) * sizeof *start), shingles = units - n + 1;
    mark_units(s->words, folded->data, folded->bytes, start);
    hash_units(folded->data, start, shingles, n, s->words);
    out->bytes += shingles * sizeof *start;
    return shingles;
}
