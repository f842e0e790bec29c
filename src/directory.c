#include "directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

int directory_make(const char *directory, struct error *e) {
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s", directory) >= sizeof path)
        return error_set(e, EX_CANTCREAT, "%.100s...: a name too long", directory);
    int why = 0; /* the first thing that went wrong on the way */
    for (char *at = path + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            if (mkdir(path, 0777) != 0 && errno != EEXIST && !why)
                why = errno;
            *at = '/';
        }
    struct stat info;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode)))
        return 0;
    return error_set(e, EX_CANTCREAT, "%s: the directory cannot be made: %s", directory,
                     strerror(why ? why : errno));
}

int directory_lock(const char *directory, struct error *e) {
    int lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) {
        error_set(e, EX_CANTCREAT, "%s: cannot be listed: %s", directory, strerror(errno));
    } else if (flock(lock, LOCK_EX | LOCK_NB) != 0 &&
               errno == EWOULDBLOCK) { /* a file system without locks won't say so */
        error_set(e, EX_CANTCREAT, "%s: another run is writing there", directory);
        close(lock);
        lock = -1;
    }
    return lock;
}

bool directory_leads_to(const char *name, const struct stat *file) {
    struct stat info;
    return name && stat(name, &info) == 0 && info.st_dev == file->st_dev && info.st_ino == file->st_ino;
}

bool directory_is(const char *a, const char *b) {
    struct stat info;
    return a && stat(a, &info) == 0 && directory_leads_to(b, &info);
}

bool directory_holds(const char *directory, const char *file) {
    char path[4096];
    const char *slash = strrchr(file, '/');
    snprintf(path, sizeof path, "%.*s", slash ? (int)(slash - file + 1) : 1, slash ? file : ".");
    return directory_is(directory, path);
}
