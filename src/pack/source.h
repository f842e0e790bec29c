/* One file as a stream of bytes, uncompressed. */
#ifndef PACK_SOURCE_H
#define PACK_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/base.h"

enum packing { PACKING_NONE, PACKING_GZ, PACKING_ZST };

/* How a regular file is compressed: by its first bytes, or, where these don't tell, its ending. Fills *e with
 * EX_NOINPUT if it cannot be read. */
enum packing source_packing(const char *file, struct error *e);

/* Whether the ending of a name tells compression: how many bytes of the name are before it, or 0. */
uint64_t source_stem(const char *file);

struct source;

/* Opens a file, or standard input ("-"), at its begin. NULL, and EX_NOINPUT in *e, if that fails. */
struct source *source_open(const char *file, struct error *e);
/* Go on at byte `at` of a file that is not compressed, and end before byte `end`. */
void source_seek(struct source *s, uint64_t at, uint64_t end);
/* The next n bytes into `out`; fewer only at the end, or where *e is filled: with EX_IOERR, or with
 * EX_DATAERR where what is compressed ends too early or is damaged. The texts of these are without the name
 * of the file. */
uint64_t source_read(struct source *s, void *out, uint64_t n, struct error *e);
/* Bytes taken from the file so far, as they are there. */
uint64_t source_taken(const struct source *s);
/* Does nothing to NULL. */
void source_close(struct source *s);

#endif
