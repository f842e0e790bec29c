/* The text form of mhash: "N,D,d" (sets, features in all, universe), then a line "m,f1,...,fm" for each set.
 */
#ifndef LSHJOIN_TEXT_READ_H
#define LSHJOIN_TEXT_READ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lshjoin/base.h"
#include "lshjoin/records.h"

/* Reads one database of f, of which *line lines are read so far (updated), as sets of 4-byte elements in the
 * order of the file, repeats included. Reads no further than its last line, so that another database may
 * follow. Memory is in proportion to the text that is there, whatever the header claims. On a mistake fills
 * *e (file `name`, line, what was expected) with EX_DATAERR, or EX_IOERR where reading fails, and leaves
 * *sets empty. Returns e->status. */
int text_read_sets(FILE *f, const char *name, uint64_t *line, struct records *sets, struct error *e);

/* After the last database: nothing but empty lines may follow. Returns e->status. */
int text_read_end(FILE *f, const char *name, uint64_t *line, struct error *e);

/* Whether a first line (with or without its line end) has the form "N,D,d". */
bool text_is_header(const char *line);

#endif
