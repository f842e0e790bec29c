#include "target.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "directory.h"
#include "disk.h"

static bool is_input(const struct stat *file, const struct corpus *in, const char *list) {
    for (uint64_t i = 0; i < in->n; i++)
        if (directory_leads_to(in->file[i].name, file))
            return true;
    return directory_leads_to(list, file);
}

static void refuse_existing(const struct target *t, struct error *e) {
    error_set(e, EX_CANTCREAT, "%s: is there already; --force replaces it", t->name);
}

/* Rank 0: before hours of work, not after. */
static void check(const struct target *t, const struct corpus *in, const char *list, struct error *e) {
    struct stat info;
    if (stat(t->name, &info) == 0) {
        if (!S_ISREG(info.st_mode))
            error_set(e, EX_CANTCREAT, "%s: is there and is no regular file", t->name);
        else if (is_input(&info, in, list))
            error_set(e, EX_CANTCREAT, "%s: is an input", t->name);
        else if (!t->force)
            refuse_existing(t, e);
    } else if (errno != ENOENT) {
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", t->name, strerror(errno));
    } else if (!t->force && lstat(t->name, &info) == 0) {
        refuse_existing(t, e); /* a link that leads nowhere */
    }
    if (access(t->directory, W_OK) != 0)
        error_set(e, EX_CANTCREAT, "%s: cannot be made: %s", t->name, strerror(errno));
}

/* A run that is ended from outside leaves nothing: rank 0 notes here what a signal takes away. */
static char unfinished[TARGET_NAME];

static void take_away(int number) {
    unlink(unfinished);
    raise(number); /* which ends us now, once the handler is done: SA_RESETHAND */
}

static void guard(const struct target *t) {
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1};
    struct sigaction action = {.sa_handler = take_away, .sa_flags = SA_RESETHAND}, before;
    strcpy(unfinished, t->part);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(signals[i], &action, NULL);
}

int target_prepare(struct target *t, struct comm *c, const struct settings *s, const struct corpus *in,
                   struct error *e) {
    const char *name = s->output;
    const char *slash = strrchr(name, '/');
    uint64_t process = (uint64_t)getpid();
    comm_broadcast(c, &process, sizeof process);
    t->name = name;
    t->force = s->force;
    int n = snprintf(t->part, sizeof t->part, "%s.part-%llu", name, (unsigned long long)process);
    if (n >= (int)sizeof t->part)
        error_set(e, EX_CANTCREAT, "%.100s...: a name too long", name);
    else if (slash)
        snprintf(t->directory, sizeof t->directory, "%.*s", (int)(slash == name ? 1 : slash - name), name);
    else
        strcpy(t->directory, ".");
    if (comm_rank(c) == 0 && !e->status)
        check(t, in, s->list, e);
    if (!comm_failed(c, e) && comm_rank(c) == 0)
        guard(t);
    return e->status;
}

/* To the final name, which nobody else has taken meanwhile, where that can be told. */
static bool give_name(const struct target *t) {
    if (t->force)
        return rename(t->part, t->name) == 0;
    if (link(t->part, t->name) == 0)
        return unlink(t->part) == 0;
    return errno != EEXIST && rename(t->part, t->name) == 0; /* there are file systems without links */
}

int target_finish(struct target *t, struct comm *c, struct error *e) {
    if (comm_rank(c) == 0 && !e->status) {
        if (disk_sync(t->part) != 0 || !give_name(t))
            error_set(e, errno == EEXIST ? EX_CANTCREAT : EX_IOERR, "%s: cannot be finished: %s", t->name,
                      strerror(errno));
        else
            disk_sync(t->directory);
    }
    if (comm_failed(c, e) && comm_rank(c) == 0)
        unlink(t->part);
    return e->status;
}
