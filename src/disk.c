#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int disk_sync(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) /* a umask may forbid reading what one has written */
        fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int status = fsync(fd), why = errno;
    close(fd);
    errno = why;
    return status != 0 && why == EINVAL ? 0 : status;
}

int disk_name(const char *part, const char *whole) {
    return disk_sync(part) != 0 ? -1 : rename(part, whole);
}
