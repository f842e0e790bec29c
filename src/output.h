/* Where pairs go: files of a directory, standard output, another program (arrays.h), or nowhere. Everything
 * is written under a temporary name and renamed when it is whole. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"
#include "input.h"
#include "lshjoin/histogram.h"
#include "lshjoin/pool.h"
#include "options.h"
#include "pair.h"

struct output;

/* Not collective. Whether the run may make a file, where one may be already: that must be a regular one, no
 * input, and one that is to be replaced. Returns e->status: EX_CANTCREAT. */
int output_check_file(const char *file, bool replaces, const struct options *o, const struct indexes *old,
                      struct error *e);
/* Whether a file bears a name that the run gives to one of its own in the directory of the output. */
bool output_has_name(const struct options *o, const char *file);

/* Collective. Makes the directory ready, before any work is done: refuses one that holds a run, unless
 * forced, and one that another run writes to; removes nothing but what a run that died was writing. On
 * failure *e is set on every rank and printed, and NULL returned. */
struct output *output_prepare(struct comm *c, struct pool *pool, const struct options *o,
                              const struct indexes *old, struct error *e);
/* Collective. Opens this rank's file, and reads the ids of the inputs where pairs are told by them. Values of
 * pairs will be counted in *values, over the range that they can have. Returns e->status, agreed and printed.
 */
int output_open(struct output *out, const struct inputs *in, struct histogram *values, struct error *e);
/* Collective. Removes the run that is to be replaced, once nothing but bad luck can hinder the new one.
 * Returns e->status, agreed and printed. */
int output_make_way(struct output *out, struct error *e);
/* Collective. Takes n pairs of this rank, in any order. Returns e->status, agreed. */
int output_write(struct output *out, const struct pair *pairs, uint64_t n, struct error *e);
/* Collective, with --duplicates groups. The same of rows (left) and the first of their groups (right), both
 * of the input that the value numbers. */
int output_write_duplicates(struct output *out, const struct pair *rows, uint64_t n, struct error *e);
/* Collective. Finishes all files, gives them their names and writes the virtual file; all is on disk then.
 * Returns e->status, agreed. */
int output_finish(struct output *out, struct error *e);
void output_free(struct output *out);

/* Another file of the directory, written by others than output: the name it has until it is whole, to free;
 * and, on one rank, its own name for it. What fails fills *e. */
char *output_part(const struct output *out, const char *name);
void output_name(const struct output *out, const char *name, struct error *e);

/* How many files of pairs there are, 0 where they go elsewhere, and the name of one; of duplicates, where
 * they are written, there are as many. */
uint64_t output_files(const struct output *out);
const char *output_file_name(const struct output *out, bool of_duplicates, uint64_t file);

#endif
