#include "fold.h"

#include <utf8proc.h>

#include "lshjoin/base.h"

enum {
    BLOCK = 4096,     /* bytes of text between two looks at the room there is */
    GROWTH = 3,       /* most bytes that a byte becomes: one that is no UTF-8 */
    LONGEST = 4,      /* bytes of a code point */
    NOT_ASCII = 0x80, /* in folding.ascii */
    REPLACEMENT = 0xfffd
};

/* Where folding stands. */
struct fold {
    const struct folding *how;
    const unsigned char *at, *end; /* of the text */
    char *out;
    unsigned after_space; /* whether a space would be dropped: 0 or 1 */
    uint64_t invalid;
};

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

struct folding folding_make(bool lower, bool punctuation, bool space) {
    struct folding f = {.lower = lower, .punctuation = punctuation, .space = space, .is_made = true};
    for (int c = 0; c < 256; c++)
        f.ascii[c] = c < NOT_ASCII ? (uint8_t)fold_code_point(&f, c) : NOT_ASCII;
    return f;
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

/* Every byte is written, and what is to be dropped is overwritten by the next: no branch that depends on
 * where words end. */
static void fold_ascii(struct fold *f, const unsigned char *end) {
    const uint8_t *table = f->how->ascii;
    const unsigned char *at = f->at;
    char *out = f->out;
    unsigned squeeze = f->how->space, after_space = f->after_space;
    for (; at < end; at++) {
        unsigned c = table[*at], space = c == ' ';
        if (c == NOT_ASCII)
            break;
        *out = (char)c;
        out += !(space & after_space);
        after_space = space & squeeze;
    }
    f->at = at;
    f->out = out;
    f->after_space = after_space;
}

static void fold_other(struct fold *f) {
    int32_t c = fold_code_point(f->how, decode(f));
    bool space = c == ' ';
    if (!space || !f->after_space)
        f->out += utf8proc_encode_char(c, (utf8proc_uint8_t *)f->out);
    f->after_space = space && f->how->space;
}

uint64_t text_fold(const struct folding *f, const char *text, uint64_t bytes, struct buffer *out) {
    const unsigned char *begin = (const unsigned char *)text;
    struct fold fold = {.how = f, .at = begin, .end = begin + bytes, .after_space = f->space};
    out->bytes = 0;
    while (fold.at < fold.end) {
        const unsigned char *end = fold.at + min_u64(BLOCK, (uint64_t)(fold.end - fold.at));
        fold.out = buffer_room(out, GROWTH * BLOCK + LONGEST);
        while (fold.at < end) {
            fold_ascii(&fold, end);
            if (fold.at < end)
                fold_other(&fold);
        }
        out->bytes = (uint64_t)(fold.out - out->data);
    }
    if (fold.after_space && out->bytes > 0)
        out->bytes--; /* the one at the end */
    return fold.invalid;
}
