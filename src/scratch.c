#include "lshjoin/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { MOST_AT_ONCE = 1 << 30 }; /* Linux takes no more than 2 GiB in a call */

struct scratch scratch_make(const char *directory) {
    return (struct scratch){.directory = directory, .fd = -1};
}

void scratch_close(struct scratch *s) {
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

static int open_file(struct scratch *s, struct error *e) {
    char name[4096];
    if ((size_t)snprintf(name, sizeof name, "%s/lshjoin-XXXXXX", s->directory) >= sizeof name)
        return error_set(e, EX_CANTCREAT, "--scratch: %.100s...: a name too long", s->directory);
    s->fd = mkstemp(name);
    if (s->fd < 0)
        return error_set(e, EX_CANTCREAT, "%s: no temporary file can be made there (see --scratch): %s",
                         s->directory, strerror(errno));
    unlink(name);
    return 0;
}

int scratch_append(struct scratch *s, const void *data, uint64_t bytes, struct error *e) {
    if (s->fd < 0 && bytes > 0 && open_file(s, e))
        return e->status;
    for (uint64_t done = 0; done < bytes;) {
        ssize_t n =
            pwrite(s->fd, (const char *)data + done, min_u64(bytes - done, MOST_AT_ONCE), (off_t)s->bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(e, EX_IOERR, "%s: a temporary file cannot be written (see --scratch): %s",
                             s->directory, n < 0 ? strerror(errno) : "nothing was taken");
        done += (uint64_t)n;
        s->bytes += (uint64_t)n;
    }
    return 0;
}

int scratch_read(const struct scratch *s, uint64_t at, void *data, uint64_t bytes, struct error *e) {
    for (uint64_t done = 0; done < bytes;) {
        ssize_t n =
            pread(s->fd, (char *)data + done, min_u64(bytes - done, MOST_AT_ONCE), (off_t)(at + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(e, EX_IOERR, "%s: a temporary file cannot be read: %s", s->directory,
                             n < 0 ? strerror(errno) : "it ends too early");
        done += (uint64_t)n;
    }
    return 0;
}
