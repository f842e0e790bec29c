/* Plain, .gz and .zst files as lshpack unpacks them, and tsv as lshpack --show reads it. */
#include "fuzz.h"

#include "pairs.h"
#include "source.h"

enum { MOST = 1 << 22 }; /* a small file may unpack to very much */

static void unpack(const char *name, uint64_t piece) {
    struct error e = {0};
    struct source *s = source_open(name, &e);
    char *out = mem_alloc(piece, 1);
    for (uint64_t got = 1, all = 0; s && got > 0 && all < MOST; all += got) {
        got = source_read(s, out, piece, &e);
        MUST(got <= piece);
    }
    free(out);
    source_close(s);
}

static void read_pairs(const char *name) {
    struct error e = {0};
    struct pairs p;
    struct pair pair;
    if (!pairs_open(&p, name, &e))
        while (pairs_next(&p, &pair, &e))
            ;
    pairs_close(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bytes b = {data, size};
    uint64_t piece = 1 + (uint64_t)next_byte(&b) * 37;
    const char *name = file_of(b.at, b.left);
    unpack(name, piece);
    read_pairs(name);
    return 0;
}
