#include "texts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

static int open_source(struct texts *t, int64_t file_id, uint64_t rows, struct error *e) {
    if (h5_list_open(&t->file, file_id, t->packed, "/source/file", e) ||
        h5_list_open(&t->offset, file_id, t->packed, "/source/offset", e) ||
        h5_list_open(&t->length, file_id, t->packed, "/source/length", e))
        return e->status;
    if (t->file.length != rows || t->offset.length != rows || t->length.length != rows)
        return error_set(e, EX_DATAERR, "%s: /source: is not of the %" PRIu64 " records", t->packed, rows);
    return 0;
}

int texts_open(struct texts *t, int64_t file_id, const char *packed, uint64_t rows, struct error *e) {
    *t = (struct texts){.packed = packed, .fd = -1, .open = UINT64_MAX};
    if (h5_strings_open(&t->stored, file_id, packed, "/texts", e) ||
        h5_strings_open(&t->names, file_id, packed, "/source/names", e))
        return e->status;
    if (t->stored.n > 0 && t->stored.n != rows)
        return error_set(e, EX_DATAERR, "%s: /texts: %" PRIu64 " texts of %" PRIu64 " records", packed,
                         t->stored.n, rows);
    if (t->stored.n == 0 && t->names.n > 0)
        return open_source(t, file_id, rows, e);
    if (t->stored.n == 0 && rows > 0)
        return error_set(e, EX_DATAERR, "%s: does not tell where its texts are; pack it with --source",
                         packed);
    return 0;
}

static void close_file(struct texts *t) {
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    source_close(t->unpacked);
    t->unpacked = NULL;
}

void texts_close(struct texts *t) {
    close_file(t);
    h5_strings_close(&t->stored);
    h5_strings_close(&t->names);
    h5_list_close(&t->file);
    h5_list_close(&t->offset);
    h5_list_close(&t->length);
}

static void say(struct buffer *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(struct buffer *text, const char *format, ...) {
    char words[4500];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(words, sizeof words, format, args);
    va_end(args);
    buffer_append(text, words, min_u64((uint64_t)n, sizeof words - 1));
}

/* As it was named, or, when it is not there now, beside the packed file: the path, and the file, open. */
static int open_named(const struct texts *t, char path[TEXTS_PATH]) {
    const char *slash = strrchr(t->packed, '/');
    snprintf(path, TEXTS_PATH, "%s", t->name);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a pipe would wait */
    if (fd >= 0 || errno != ENOENT || t->name[0] == '/' || !slash)
        return fd;
    snprintf(path, TEXTS_PATH, "%.*s/%s", (int)(slash - t->packed), t->packed, t->name);
    return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* Offsets of a compressed file are of what comes out of it. */
static bool is_compressed(int fd) {
    unsigned char magic[4] = {0};
    return pread(fd, magic, sizeof magic, 0) > 0 &&
           (memcmp(magic, "\x1f\x8b", 2) == 0 || memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0);
}

/* Open source number `file`, or know why not. */
static int open_file(struct texts *t, uint64_t file, struct error *e) {
    uint64_t length;
    struct stat info;
    if (file >= t->names.n)
        return error_set(e, EX_DATAERR, "%s: /source/file: file %" PRIu64 " of %" PRIu64, t->packed, file,
                         t->names.n);
    char *name = h5_strings_read(&t->names, file, sizeof t->name - 1, &length, e);
    if (!name)
        return e->status;
    snprintf(t->name, sizeof t->name, "%s", name);
    free(name);
    close_file(t);
    t->open = file;
    t->fault = NULL;
    t->is_compressed = false;
    if (strcmp(t->name, "-") == 0)
        t->fault = "was standard input";
    else if ((t->fd = open_named(t, t->path)) < 0)
        t->fault = strerror(errno);
    else if (fstat(t->fd, &info) != 0 || !S_ISREG(info.st_mode))
        t->fault = "not a regular file";
    else
        t->is_compressed = is_compressed(t->fd);
    return 0;
}

/* Up to n bytes at `offset` of what comes out of a compressed file: on from where the last ones were, or from
 * its start. Returns how many there are. */
static uint64_t unpack(struct texts *t, uint64_t offset, uint64_t n, char *out) {
    struct error e = {0};
    char skipped[1 << 14];
    if (t->unpacked && t->at > offset) {
        source_close(t->unpacked);
        t->unpacked = NULL;
    }
    if (!t->unpacked) {
        t->unpacked = source_open(t->path, &e);
        t->at = 0;
    }
    for (uint64_t got = 1; t->unpacked && t->at < offset && got > 0; t->at += got)
        got = source_read(t->unpacked, skipped, min_u64(sizeof skipped, offset - t->at), &e);
    n = t->unpacked && t->at == offset ? source_read(t->unpacked, out, n, &e) : 0;
    t->at += n;
    return n;
}

static void read_text(struct texts *t, uint64_t offset, uint64_t length, struct buffer *text) {
    uint64_t n = min_u64(length, TEXTS_MOST);
    char *room = buffer_room(text, n);
    ssize_t got =
        t->is_compressed ? (ssize_t)unpack(t, offset, n, room) : pread(t->fd, room, n, (off_t)offset);
    if (got < 0 || (uint64_t)got < n) {
        say(text, "(%s: %s)", t->name, got < 0 ? strerror(errno) : "has changed: it ends before this record");
        return;
    }
    text->bytes += n;
    if (length > n)
        say(text, " (... %" PRIu64 " bytes in all)", length);
}

static int read_source(struct texts *t, uint64_t row, struct buffer *text, struct error *e) {
    uint64_t file, offset, length;
    if (h5_list_read(&t->file, row, 1, sizeof file, &file, e) ||
        h5_list_read(&t->offset, row, 1, sizeof offset, &offset, e) ||
        h5_list_read(&t->length, row, 1, sizeof length, &length, e) ||
        (file != t->open && open_file(t, file, e)))
        return e->status;
    if (t->fault)
        say(text, "(%s: %s: bytes %" PRIu64 " to %" PRIu64 ")", t->name, t->fault, offset, offset + length);
    else
        read_text(t, offset, length, text);
    return 0;
}

int texts_read(struct texts *t, uint64_t row, struct buffer *text, struct error *e) {
    text->bytes = 0;
    if (t->stored.n == 0)
        return read_source(t, row, text, e);
    uint64_t length;
    char *stored = h5_strings_read(&t->stored, row, TEXTS_MOST, &length, e);
    if (!stored)
        return e->status;
    buffer_append(text, stored, min_u64(length, TEXTS_MOST));
    if (length > TEXTS_MOST)
        say(text, " (... %" PRIu64 " bytes in all)", length);
    free(stored);
    return 0;
}
