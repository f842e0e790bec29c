/* What a crash of the machine must leave as it is, and room for what is to come. */
#ifndef DISK_H
#define DISK_H

#include <stdint.h>

/* What a file holds, or which names a directory has, is on disk. Returns 0, or -1 with errno set; 0 too where
 * the file system cannot tell. */
int disk_sync(const char *path);

/* Make room for the first `bytes` of a file, whose length stays as it is; give back what it has beyond its
 * length. Return 0, or -1 with errno set; 0 too where the file system cannot reserve (as some of networks).
 */
int disk_reserve(int fd, uint64_t bytes);
int disk_unreserve(int fd);

/* Give a file that is whole its name, under which there is never less of it. Returns 0, or -1 with errno set.
 */
int disk_name(const char *part, const char *whole);

#endif
