#include "column.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { MOST_AT_ONCE = 1 << 30 }; /* Linux takes no more than 2 GiB in a call */

struct columns columns_make(const char *scratch, uint64_t memory) {
    struct columns c = {.scratch = scratch, .memory = memory};
    for (int i = 0; i < COLUMNS; i++)
        c.of[i].fd = -1;
    return c;
}

void columns_free(struct columns *c) {
    for (int i = 0; i < COLUMNS; i++) {
        buffer_free(&c->of[i].held);
        if (c->of[i].fd >= 0)
            close(c->of[i].fd);
    }
}

/* A file that nobody else sees and that is gone when we are. */
static int open_scratch(const char *directory, struct error *e) {
    char name[4096];
    if ((size_t)snprintf(name, sizeof name, "%s/lshpack-XXXXXX", directory) >= sizeof name) {
        error_set(e, EX_CANTCREAT, "--scratch: %.100s...: a name too long", directory);
        return -1;
    }
    int fd = mkstemp(name);
    if (fd < 0)
        error_set(e, EX_CANTCREAT, "%s: no temporary file can be made there (see --scratch): %s", directory,
                  strerror(errno));
    else
        unlink(name);
    return fd;
}

static int spill(struct columns *all, struct column *c, struct error *e) {
    if (c->fd < 0 && (c->fd = open_scratch(all->scratch, e)) < 0)
        return e->status;
    for (uint64_t done = 0; done < c->held.bytes;) {
        ssize_t n = pwrite(c->fd, c->held.data + done, min_u64(c->held.bytes - done, MOST_AT_ONCE),
                           (off_t)c->spilled);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(e, EX_IOERR, "%s: a temporary file cannot be written (see --scratch): %s",
                             all->scratch, strerror(errno));
        done += (uint64_t)n;
        c->spilled += (uint64_t)n;
    }
    c->held.bytes = 0;
    return 0;
}

int columns_settle(struct columns *c, struct error *e) {
    uint64_t held = 0;
    for (int i = 0; i < COLUMNS; i++)
        held += c->of[i].held.bytes;
    for (int i = 0; i < COLUMNS && held > c->memory && !e->status; i++)
        if (c->of[i].held.bytes > 0)
            spill(c, &c->of[i], e);
    return e->status;
}

uint64_t column_bytes(const struct columns *c, enum column_name name) {
    return c->of[name].spilled + c->of[name].held.bytes;
}

int column_read(const struct columns *all, enum column_name name, uint64_t at, uint64_t bytes, void *out,
                struct error *e) {
    const struct column *c = &all->of[name];
    char *to = out;
    while (bytes > 0 && at < c->spilled) {
        ssize_t n = pread(c->fd, to, min_u64(min_u64(bytes, c->spilled - at), MOST_AT_ONCE), (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(e, EX_IOERR, "%s: a temporary file cannot be read: %s", all->scratch,
                             strerror(errno));
        to += n;
        at += (uint64_t)n;
        bytes -= (uint64_t)n;
    }
    if (bytes > 0)
        memcpy(to, c->held.data + (at - c->spilled), bytes);
    return 0;
}
