/* What the fuzz targets share. Each is a function of bytes that libFuzzer makes up (run.sh). */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes that are left to decide by. */
struct bytes {
    const uint8_t *at;
    size_t left;
};

/* The next one, or 0 where there is none. */
static inline uint8_t next_byte(struct bytes *b) {
    return b->left ? (b->left--, *b->at++) : 0;
}

/* Something that must hold whatever the bytes are. */
#define MUST(holds)                                                                                          \
    do {                                                                                                     \
        if (!(holds)) {                                                                                      \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #holds);                              \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A file that holds these bytes, the same one each time, in the directory TMPDIR, which run.sh makes in
 * memory and removes. */
static inline const char *file_of(const void *data, size_t size) {
    static int fd = -1;
    static char name[4096];
    if (fd < 0) {
        const char *directory = getenv("TMPDIR");
        snprintf(name, sizeof name, "%s/fuzz-XXXXXX", directory ? directory : "/tmp");
        fd = mkstemp(name);
    }
    MUST(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
    return name;
}

#endif
