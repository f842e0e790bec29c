/* JSON in a directory of ours, by rank 0. */
#ifndef JSON_FILE_H
#define JSON_FILE_H

#include <jansson.h>

#include "lshjoin/base.h"

/* What bears a name of a directory is, once this is done, the value, on disk; until then it is what had the
 * name before. Returns e->status: EX_IOERR where it cannot be written, and then, too, it may have its name if
 * it is only the directory that could not be synced. */
int json_file_write(const char *directory, const char *name, const json_t *value, struct error *e);

#endif
