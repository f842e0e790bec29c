#define _GNU_SOURCE /* fallocate */
#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
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

int disk_reserve(int fd, uint64_t bytes) {
    int status = fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes);
    return status != 0 && (errno == EOPNOTSUPP || errno == ENOSYS) ? 0 : status;
}

int disk_unreserve(int fd) {
    struct stat info;
    return fstat(fd, &info) != 0 ? -1 : ftruncate(fd, info.st_size);
}
