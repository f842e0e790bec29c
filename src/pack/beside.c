#include "beside.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#include "fold.h"
#include "lshjoin/base.h"

enum { LINES = 16, NARROW = 64, INDENT = 2, RULE = 3 /* " | " */ };

/* A text cut into lines. */
struct line {
    const char *text;
    uint64_t bytes;
    unsigned width;
};

struct lines {
    struct buffer folded;
    struct line *at;
    uint64_t n;
};

unsigned beside_width(void) {
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    int n = columns ? atoi(columns) : 0;
    return n > 0 && n < 10000 ? (unsigned)n : 100;
}

/* The text from `at` on that fits into a line: to the last space, or, where there is none, as far as there is
 * room. */
static struct line cut_line(const char *at, const char *end, unsigned column) {
    struct line line = {at, 0, 0}, to_space = {at, 0, 0};
    while (at < end) {
        int32_t c = ' ';
        int64_t bytes = utf8proc_iterate((const utf8proc_uint8_t *)at, end - at, &c);
        unsigned width = (unsigned)utf8proc_charwidth(c);
        if (c == ' ')
            to_space = line;
        if (line.width + width > column && line.bytes > 0)
            return to_space.bytes > 0 ? to_space : line;
        at += bytes;
        line.bytes += (uint64_t)bytes;
        line.width += width;
    }
    return line;
}

static struct lines make_lines(const struct folding *f, const char *text, uint64_t bytes, unsigned column) {
    struct lines lines = {0};
    text_fold(f, text, bytes, &lines.folded);
    const char *at = lines.folded.data, *end = at + lines.folded.bytes;
    while (at < end) {
        if ((lines.n & (lines.n - 1)) == 0) /* full: the room is a power of two */
            lines.at = mem_grow(lines.at, lines.n ? 2 * lines.n : 1, sizeof *lines.at);
        struct line line = cut_line(at, end, column);
        lines.at[lines.n++] = line;
        at += line.bytes;
        at += at < end && *at == ' ';
    }
    return lines;
}

static void free_lines(struct lines *lines) {
    buffer_free(&lines->folded);
    free(lines->at);
}

static struct line line_at(const struct lines *lines, uint64_t i) {
    return i < lines->n ? lines->at[i] : (struct line){"", 0, 0};
}

static uint64_t first_difference(const struct lines lines[2]) {
    uint64_t n = max_u64(lines[0].n, lines[1].n);
    for (uint64_t i = 0; i < n; i++) {
        struct line a = line_at(&lines[0], i), b = line_at(&lines[1], i);
        if (a.bytes != b.bytes || memcmp(a.text, b.text, a.bytes) != 0)
            return i;
    }
    return 0;
}

/* Which lines are printed. */
struct window {
    uint64_t first, end, n;
};

static struct window choose_window(const struct lines lines[2]) {
    uint64_t n = max_u64(lines[0].n, lines[1].n), difference = first_difference(lines), half = LINES / 2;
    uint64_t last = n > LINES ? n - LINES : 0; /* first line of the last window */
    uint64_t first = min_u64(difference > half ? difference - half : 0, last);
    return (struct window){first, min_u64(first + LINES, n), n};
}

/* Line i of the window, or dots in its first and last one where there is more. */
static struct line line_shown(const struct lines *lines, const struct window *w, uint64_t i) {
    bool dots = (i == w->first && i > 0) || (i + 1 == w->end && w->end < w->n);
    return dots ? (struct line){"...", 3, 3} : line_at(lines, i);
}

static void print_line(FILE *f, struct line line, unsigned pad_to) {
    fwrite(line.text, 1, line.bytes, f);
    for (unsigned i = line.width; i < pad_to; i++)
        putc(' ', f);
}

static void print_row(FILE *f, struct line left, struct line right, unsigned column) {
    fprintf(f, "%*s", INDENT, "");
    print_line(f, left, column);
    fputs(right.bytes ? " | " : " |", f);
    print_line(f, right, 0);
    putc('\n', f);
}

static void print_beside(FILE *f, const struct lines head[2], const struct lines text[2], unsigned column) {
    struct window w = choose_window(text);
    for (uint64_t i = 0; i < max_u64(head[0].n, head[1].n); i++)
        print_row(f, line_at(&head[0], i), line_at(&head[1], i), column);
    for (unsigned i = 0; i < INDENT + 2 * column + RULE; i++)
        putc(i < INDENT ? ' ' : i == INDENT + column + 1 ? '+' : '-', f);
    putc('\n', f);
    for (uint64_t i = w.first; i < w.end; i++)
        print_row(f, line_shown(&text[0], &w, i), line_shown(&text[1], &w, i), column);
}

static void print_under(FILE *f, const struct lines head[2], const struct lines text[2]) {
    struct window w = choose_window(text);
    for (int side = 0; side < 2; side++) {
        for (uint64_t i = 0; i < head[side].n; i++) {
            print_line(f, head[side].at[i], 0);
            putc('\n', f);
        }
        for (uint64_t i = w.first; i < min_u64(w.end, text[side].n); i++) {
            fprintf(f, "%*s", INDENT, "");
            print_line(f, line_shown(&text[side], &w, i), 0);
            putc('\n', f);
        }
    }
}

void beside_print(FILE *f, const char *const head[2], const struct buffer text[2], unsigned width) {
    bool narrow = width < NARROW;
    unsigned column = narrow ? max_u64(width, 2 * INDENT + 1) - INDENT : (width - INDENT - RULE) / 2;
    struct folding folding;
    struct lines heads[2], texts[2];
    folding_make(&folding, false, false, true);
    for (int i = 0; i < 2; i++) {
        heads[i] = make_lines(&folding, head[i], strlen(head[i]), column);
        texts[i] = make_lines(&folding, text[i].data, text[i].bytes, column);
    }
    if (narrow)
        print_under(f, heads, texts);
    else
        print_beside(f, heads, texts, column);
    for (int i = 0; i < 2; i++) {
        free_lines(&heads[i]);
        free_lines(&texts[i]);
    }
}
