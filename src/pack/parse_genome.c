/* FASTA and FASTQ to sets of k-mers. */
#include <string.h>

#include "forms.h"
#include "kmer.h"
#include "parser.h"
#include "scan.h"

/* Lines of a record, without their ends. */
struct line {
    const char *text;
    uint64_t bytes;
};

/* The line at *at, which moves behind it. At the end of the text the line is empty. */
static struct line next_line(const char *text, uint64_t bytes, uint64_t *at) {
    struct line line = {text + *at, 0};
    uint64_t n = *at < bytes ? cut_line(NULL, text + *at, bytes - *at) : 0;
    *at += n;
    line.bytes = n > 0 && line.text[n - 1] == '\n' ? n - 1 : n;
    line.bytes -= line.bytes > 0 && line.text[line.bytes - 1] == '\r';
    return line;
}

static bool begins(struct line line, char c) {
    return line.bytes > 0 && line.text[0] == c;
}

/* The id: behind the mark, up to white space. */
static void take_name(struct parser *p, struct line header) {
    p->id = header.text + 1;
    p->id_bytes = 0;
    while (p->id_bytes + 1 < header.bytes && !is_space(p->id[p->id_bytes]))
        p->id_bytes++;
}

bool fasta_starts(const char *text, uint64_t bytes, uint64_t at) {
    return at < bytes && text[at] == '>';
}

uint64_t fasta_extent(const struct head *h, const char *text, uint64_t bytes) {
    (void)h;
    static const struct cut cut = {.starts = fasta_starts, .by_lines = true};
    uint64_t next = bytes > 1 ? cut_next(&cut, text, bytes, 1) : UINT64_MAX;
    return next == UINT64_MAX ? bytes : next;
}

enum outcome fasta_record(struct parser *p, const char *text, uint64_t bytes) {
    uint64_t at = 0;
    struct line header = next_line(text, bytes, &at);
    bool is_record = begins(header, '>');
    p->bases.bytes = 0;
    while (at < bytes) {
        struct line line = next_line(text, bytes, &at);
        buffer_append(&p->bases, line.text, line.bytes);
    }
    if (!is_record && header.bytes + p->bases.bytes == 0)
        return OUTCOME_NOTHING; /* empty lines before the first record */
    if (!is_record)
        return parser_bad(p, "expected a record, which begins with '>'");
    take_name(p, header);
    kmer_scan(p->settings->kmers, p->bases.data, p->bases.bytes, &p->rows->items);
    return OUTCOME_ROW;
}

bool fastq_starts(const char *text, uint64_t bytes, uint64_t at) {
    if (at >= bytes || text[at] != '@')
        return false;
    next_line(text, bytes, &at);
    if (at < bytes && text[at] == '@') /* no bases: this may be a quality line, and that the next header */
        return false;
    next_line(text, bytes, &at);
    return at < bytes && text[at] == '+';
}

uint64_t fastq_extent(const struct head *h, const char *text, uint64_t bytes) {
    (void)h;
    static const struct cut cut = {.starts = fastq_starts, .by_lines = true};
    uint64_t at = 0;
    if (fastq_starts(text, bytes, 0)) {
        next_line(text, bytes, &at);
        /* wherever a record starts the one before ends, as it does where files are cut there */
        for (int i = 1; i < 4 && !fastq_starts(text, bytes, at); i++)
            next_line(text, bytes, &at);
        return at;
    }
    if (text[0] == '\n' || text[0] == '\r')
        return cut_line(h, text, bytes);
    uint64_t next = bytes > 1 ? cut_next(&cut, text, bytes, 1) : UINT64_MAX; /* go on at the next good one */
    return next == UINT64_MAX ? bytes : next;
}

enum outcome fastq_record(struct parser *p, const char *text, uint64_t bytes) {
    uint64_t at = 0;
    if (bytes == 0)
        return OUTCOME_NOTHING;
    struct line header = next_line(text, bytes, &at), bases = next_line(text, bytes, &at);
    struct line plus = next_line(text, bytes, &at), quality = next_line(text, bytes, &at);
    if (!begins(header, '@'))
        return parser_bad(p, "expected a record, which begins with '@'");
    if (!begins(plus, '+'))
        return parser_bad(p, "expected a record of four lines, the third of which begins with '+'");
    if (bases.bytes != quality.bytes)
        return parser_bad(p, "%llu bases have %llu qualities", (unsigned long long)bases.bytes,
                          (unsigned long long)quality.bytes);
    take_name(p, header);
    kmer_scan(p->settings->kmers, bases.text, bases.bytes, &p->rows->items);
    return OUTCOME_ROW;
}
