/* This rank's share of the input, in pieces. */
#ifndef PACK_READER_H
#define PACK_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "corpus.h"
#include "piece.h"

struct reader;

/* A reader of this rank's share. Pieces have about `piece_bytes`, or one record. All that is given outlives
 * it. */
struct reader *reader_open(const struct corpus *in, const struct settings *s, uint64_t piece_bytes);
/* Fill a batch with pieces of some `bytes` together, the next ones in the order of the input; none when there
 * is no more, or reading failed. May be called on any thread, one at a time. */
void reader_fill(struct reader *r, struct batch *b, uint64_t bytes);
/* What ended the reading too early, once a batch came out empty. */
const struct error *reader_error(const struct reader *r);
/* Records that compressed files ended within. */
uint64_t reader_bad(const struct reader *r);
/* The head of the file that was opened last; all zero if there was none. */
const struct head *reader_head(const struct reader *r);
/* [2 * files]: records and items that the heads of files tell, of those whose begin this rank has read; else
 * 0. May be written to. */
uint64_t *reader_told(struct reader *r);
/* How much of this rank's share is read, 0 to 1. */
double reader_share(const struct reader *r);
void reader_close(struct reader *r);

#endif
