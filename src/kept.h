/* Files of pairs that a checkpoint keeps: one for each step of the job and rank, written under a temporary
 * name, with a checksum, and named when it is whole. Not collective. */
#ifndef KEPT_H
#define KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/base.h"
#include "pair.h"

/* Which file: of the job with this number, of the step that ends before `next`, of a rank. */
struct kept_name {
    const char *directory;
    uint64_t job, next, rank;
};

/* Whether a file's name is one of these, temporary or not. */
bool kept_is_name(const char *file);

struct kept_writer;
enum { KEPT_BUFFERED = 1 << 16 }; /* pairs in memory */

/* Pairs to come, of some rank, into the directory; which step they are of is said at the end. `narrow`: row
 * numbers are below 2^32, and values may be rounded to single precision, as all outputs have them; half the
 * bytes. */
struct kept_writer *kept_writer_create(const char *directory, uint64_t rank, bool narrow);
/* Append n pairs (buffered). Returns e->status: EX_IOERR or EX_CANTCREAT. */
int kept_write(struct kept_writer *w, const struct pair *pairs, uint64_t n, struct error *e);
/* Pairs since the last kept_finish. */
uint64_t kept_written(const struct kept_writer *w);
/* All pairs since the last call stand in a file of this name, on the disk; none where there are none. Returns
 * e->status. */
int kept_finish(struct kept_writer *w, struct kept_name name, struct error *e);
/* What is not finished is removed. */
void kept_writer_free(struct kept_writer *w);

struct kept_reader;

/* Opens and checks a file, which must hold n pairs. NULL and *e (EX_DATAERR, or EX_NOINPUT where it is
 * missing). */
struct kept_reader *kept_open(struct kept_name name, uint64_t n, struct error *e);
/* Up to `most` of the pairs that are left. Returns how many; 0 at the end, or with *e set. The last ones come
 * only where the checksum of all is right. */
uint64_t kept_read(struct kept_reader *r, struct pair *pairs, uint64_t most, struct error *e);
void kept_close(struct kept_reader *r);

#endif
