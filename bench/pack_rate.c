/* pack_rate words|chars N FILE: MB/s of text, on one core, at which shingles of a file's lines are made into
 * sets. pack_rate json FILE: MB/s at which its lines are parsed as JSON, and no more. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "lshjoin/base.h"
#include "pack/set.h"
#include "pack/shingle.h"

struct work {
    struct shingling shingling; /* n 0: JSON */
    struct text_scratch texts;
    struct buffer set, sort;
    uint64_t invalid, elements;
};

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void take_line(struct work *w, const char *line, uint64_t bytes) {
    if (w->shingling.n == 0) {
        json_t *value = json_loadb(line, bytes, 0, NULL);
        w->elements += value != NULL;
        json_decref(value);
        return;
    }
    w->set.bytes = 0;
    uint64_t n = shingle_text(&w->shingling, line, bytes, &w->texts, &w->set, &w->invalid);
    w->elements += set_make((uint64_t *)w->set.data, n, &w->sort);
}

static double time_lines(struct work *w, const char *text, uint64_t bytes) {
    double start = cpu_seconds();
    w->elements = 0;
    for (const char *at = text, *end = text + bytes; at < end;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        line_end = line_end ? line_end : end;
        take_line(w, at, (uint64_t)(line_end - at));
        at = line_end + 1;
    }
    return cpu_seconds() - start;
}

static char *read_file(const char *name, uint64_t *bytes) {
    FILE *f = fopen(name, "r");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die(EX_NOINPUT, "%s: cannot be read", name);
    *bytes = (uint64_t)ftell(f);
    rewind(f);
    char *text = mem_alloc(*bytes, 1);
    if (fread(text, 1, *bytes, f) != *bytes)
        die(EX_IOERR, "%s: cannot be read", name);
    fclose(f);
    return text;
}

int main(int argc, char **argv) {
    bool words = argc == 4 && strcmp(argv[1], "words") == 0,
         chars = argc == 4 && strcmp(argv[1], "chars") == 0;
    struct work w = {.shingling = {.words = words}};
    if (words || chars)
        w.shingling.n = (uint32_t)strtoul(argv[2], NULL, 10);
    if (words || chars ? w.shingling.n == 0 : argc != 3 || strcmp(argv[1], "json") != 0) {
        fprintf(stderr, "usage: %s words|chars N FILE, or %s json FILE\n", argv[0], argv[0]);
        return EX_USAGE;
    }
    uint64_t bytes;
    char *text = read_file(argv[argc - 1], &bytes);
    double best = 1e9;
    for (int i = 0; i < 3; i++) { /* the first one warms up */
        double seconds = time_lines(&w, text, bytes);
        best = seconds < best ? seconds : best;
    }
    printf("%.1f %llu\n", (double)bytes / best / 1e6, (unsigned long long)w.elements);
    text_scratch_free(&w.texts);
    buffer_free(&w.set);
    buffer_free(&w.sort);
    free(text);
    return 0;
}
