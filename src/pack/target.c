#include "target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* Rank 0: before hours of work, not after. */
static void check(const struct target *t, bool force, struct error *e) {
    struct stat info;
    if (stat(t->name, &info) == 0) {
        if (!S_ISREG(info.st_mode))
            error_set(e, EX_CANTCREAT, "%s: is there and is no regular file", t->name);
        else if (!force)
            error_set(e, EX_CANTCREAT, "%s: is there already; --force replaces it", t->name);
    } else if (errno != ENOENT) {
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", t->name, strerror(errno));
    }
    if (access(t->directory, W_OK) != 0)
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", t->name, strerror(errno));
}

int target_prepare(struct target *t, struct comm *c, const char *name, bool force, struct error *e) {
    const char *slash = strrchr(name, '/');
    uint64_t process = (uint64_t)getpid();
    comm_broadcast(c, &process, sizeof process);
    t->name = name;
    int n = snprintf(t->part, sizeof t->part, "%s.part-%llu", name, (unsigned long long)process);
    if (n >= (int)sizeof t->part)
        error_set(e, EX_CANTCREAT, "%.100s...: a name too long", name);
    else if (slash)
        snprintf(t->directory, sizeof t->directory, "%.*s", (int)(slash == name ? 1 : slash - name), name);
    else
        strcpy(t->directory, ".");
    if (comm_rank(c) == 0 && !e->status)
        check(t, force, e);
    comm_failed(c, e);
    return e->status;
}

/* What was written is on disk: of a file, or of a directory's names. */
static bool sync_to_disk(const char *name, int flags) {
    int fd = open(name, flags | O_CLOEXEC);
    bool good = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL); /* which some file systems cannot */
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return good;
}

int target_finish(struct target *t, struct comm *c, struct error *e) {
    if (comm_rank(c) == 0 && !e->status) {
        if (!sync_to_disk(t->part, O_RDONLY) || rename(t->part, t->name) != 0)
            error_set(e, EX_IOERR, "%s: cannot be finished: %s", t->name, strerror(errno));
        else
            sync_to_disk(t->directory, O_RDONLY | O_DIRECTORY);
    }
    if (comm_failed(c, e) && comm_rank(c) == 0)
        unlink(t->part);
    return e->status;
}
