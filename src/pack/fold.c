#include "fold.h"

#include <endian.h>
#include <string.h>
#include <utf8proc.h>

#include "lshjoin/base.h"

enum {
    BLOCK = 4096, /* bytes of text between two looks at the room there is */
    CHUNK = 64,   /* bytes of ASCII that are folded at once */
    STEP = 8,     /* of these, bytes that are kept at once where no space is dropped */
    GROWTH = 3,   /* most bytes that a byte becomes: one that is no UTF-8 */
    LONGEST = 4,  /* bytes of a code point */
    REPLACEMENT = 0xfffd
};

/* Where folding stands. */
struct fold {
    const struct folding *how;
    const unsigned char *at, *end; /* of the text */
    char *out;
    bool after_space; /* spaces are dropped here */
    uint64_t invalid;
};

/* Of ASCII the same as fold_code_point, in words that compilers make vectors of. */
static inline uint8_t fold_byte(bool lower, bool punctuation, bool space, uint8_t c) {
    uint8_t is_upper = (uint8_t)(c - 'A') < 26;
    uint8_t is_letter = (uint8_t)((c | 0x20) - 'a') < 26;
    uint8_t is_digit = (uint8_t)(c - '0') < 10;
    uint8_t is_blank = (uint8_t)(c - '!') > '~' - '!';
    uint8_t is_mark = !(is_letter | is_digit | is_blank);
    uint8_t vanishes = (is_mark & punctuation) | (is_blank & space);
    return vanishes ? ' ' : (uint8_t)(c + (uint8_t)(is_upper & lower) * 0x20);
}

/* Categories of one letter are neighbours in utf8proc's enumeration. */
static bool is_punctuation(utf8proc_category_t c) {
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_SO;
}

static bool is_space(utf8proc_category_t c) {
    return c >= UTF8PROC_CATEGORY_ZS && c <= UTF8PROC_CATEGORY_CC;
}

static int32_t fold_code_point(const struct folding *f, int32_t c) {
    if (f->lower)
        c = utf8proc_tolower(c);
    utf8proc_category_t category = utf8proc_category(c);
    bool vanishes = (f->punctuation && is_punctuation(category)) || (f->space && is_space(category));
    return vanishes ? ' ' : c;
}

/* The range of the byte that may follow a first byte `lead` of a longer sequence, and the sequence's length,
 * 0 where there is none such: table 3-7. */
static unsigned sequence(unsigned lead, unsigned *low, unsigned *high) {
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
}

/* The code point at f->at, which is not ASCII, and on to the next. */
static int32_t decode(struct fold *f) {
    unsigned lead = *f->at++, low, high, length = sequence(lead, &low, &high);
    if (length == 2 && f->at < f->end && (*f->at & 0xc0) == 0x80)
        return (int32_t)((lead & 0x1f) << 6 | (*f->at++ & 0x3f));
    int32_t c = (int32_t)(lead & (0x7fu >> length));
    for (unsigned i = 1; i < length; i++) {
        if (f->at == f->end || *f->at < low || *f->at > high) {
            length = 0;
            break;
        }
        c = c << 6 | (*f->at++ & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    if (length > 0)
        return c;
    f->invalid++;
    return REPLACEMENT;
}

void folding_make(struct folding *f, bool lower, bool punctuation, bool space) {
    *f = (struct folding){.lower = lower, .punctuation = punctuation, .space = space};
    for (int32_t c = 0; c < FOLDING_SHORT; c++)
        f->to[c] = fold_code_point(f, c);
}

/* utf8proc_encode_char, without a call for what is short. */
static char *encode(char *out, int32_t c) {
    if (c >= FOLDING_SHORT)
        return out + utf8proc_encode_char(c, (utf8proc_uint8_t *)out);
    if (c >= 0x80) {
        *out++ = (char)(0xc0 | c >> 6);
        c = 0x80 | (c & 0x3f);
    }
    *out++ = (char)c;
    return out;
}

/* A code point by itself. */
static void fold_one(struct fold *f) {
    int32_t c = *f->at < 0x80 ? *f->at++ : decode(f);
    c = c < FOLDING_SHORT ? f->how->to[c] : fold_code_point(f->how, c);
    if (c != ' ' || !f->after_space)
        f->out = encode(f->out, c);
    f->after_space = c == ' ' && f->how->space;
}

/* How many of the next bytes, CHUNK at most, are ASCII. */
static unsigned ascii_run(const unsigned char *at, const unsigned char *end) {
    unsigned n = end - at < CHUNK ? (unsigned)(end - at) : CHUNK, i = 0;
    for (uint64_t high; n - i >= STEP; i += STEP) {
        memcpy(&high, at + i, STEP);
        high = le64toh(high) & 0x8080808080808080;
        if (high)
            return i + (unsigned)__builtin_ctzll(high) / 8;
    }
    while (i < n && at[i] < 0x80)
        i++;
    return i;
}

/* Where no space is dropped, as in most steps, bytes are kept many at a time; where one is, each byte is
 * written and what is dropped overwritten by the next, for a branch on it would often be mistaken. */
static char *keep_step(char *out, const uint8_t *folded, const uint8_t *drop) {
    uint64_t any;
    memcpy(&any, drop, STEP);
    if (any == 0) {
        memcpy(out, folded, STEP);
        return out + STEP;
    }
    for (int i = 0; i < STEP; i++) {
        *out = (char)folded[i];
        out += !drop[i];
    }
    return out;
}

/* The next `run` bytes, ASCII, CHUNK at most. The loops are of one length, so that they become vectors: of a
 * shorter run the rest is dropped. */
static void fold_run(struct fold *f, unsigned run) {
    const bool lower = f->how->lower, punctuation = f->how->punctuation, space = f->how->space;
    uint8_t text[CHUNK], folded[1 + CHUNK], drop[CHUNK]; /* folded[0]: what is before */
    memcpy(text, f->at, run);
    memset(text + run, 0, CHUNK - run);
    folded[0] = f->after_space ? ' ' : 0;
    for (int i = 0; i < CHUNK; i++)
        folded[1 + i] = fold_byte(lower, punctuation, space, text[i]);
    for (unsigned i = 0; i < CHUNK; i++)
        drop[i] = (uint8_t)((folded[i] == ' ') & (folded[1 + i] == ' ') & space) | (i >= run);
    for (unsigned i = 0; i < run; i += STEP)
        f->out = keep_step(f->out, folded + 1 + i, drop + i);
    f->at += run;
    f->after_space = folded[run] == ' ' && space;
}

/* On to `end`, or a code point that goes beyond it. */
static void fold_block(struct fold *f, const unsigned char *end) {
    while (f->at < end) {
        unsigned run = ascii_run(f->at, end);
        if (run >= STEP)
            fold_run(f, run);
        else
            fold_one(f);
    }
}

uint64_t text_fold(const struct folding *f, const char *text, uint64_t bytes, struct buffer *out) {
    const unsigned char *begin = (const unsigned char *)text;
    struct fold fold = {.how = f, .at = begin, .end = begin + bytes, .after_space = f->space};
    out->bytes = 0;
    while (fold.at < fold.end) {
        uint64_t block = min_u64(BLOCK, (uint64_t)(fold.end - fold.at));
        fold.out = buffer_room(out, GROWTH * block + LONGEST);
        fold_block(&fold, fold.at + block);
        out->bytes = (uint64_t)(fold.out - out->data);
    }
    if (fold.after_space && out->bytes > 0)
        out->bytes--; /* the one at the end */
    return fold.invalid;
}
