/* What a crash of the machine must leave as it is. */
#ifndef DISK_H
#define DISK_H

/* What a file holds, or which names a directory has, is on disk. Returns 0, or -1 with errno set; 0 too where
 * the file system cannot tell. */
int disk_sync(const char *path);

/* Give a file that is whole its name, under which there is never less of it. Returns 0, or -1 with errno set.
 */
int disk_name(const char *part, const char *whole);

#endif
