/* Pairs as text. Failures stay in the stream: see ferror. */
#ifndef TEXT_WRITE_H
#define TEXT_WRITE_H

#include <stdint.h>
#include <stdio.h>

#include "lshjoin/sort.h"
#include "pair.h"

/* The columns under a header with their names, tabs between; the value so that a float is told exactly. */
void text_write_header(FILE *f, const struct pair_columns *columns);
void text_write_pairs(FILE *f, const struct pair *pairs, uint64_t n, const struct pair_columns *columns);

/* The parts of such a line where it does not begin with row numbers: an id, in which a tab, an end of line, a
 * zero and a backslash become \t, \n, \r, \0 and \\; and what is behind the right one, with the tab before
 * and the end of the line. */
void text_write_id(FILE *f, const char *id, uint64_t bytes);
void text_write_value(FILE *f, const struct pair *p, const struct pair_columns *columns);

/* mhash's form: for each query in [first, end) a line "i,j1,j2,..." of its partners; entries are (query,
 * partner), sorted. */
void text_write_queries(FILE *f, uint64_t first, uint64_t end, const struct u64_pair *entries, uint64_t n);

#endif
