/* Which files there are, and which rank works on what of them. */
#ifndef PACK_CORPUS_H
#define PACK_CORPUS_H

#include <stdbool.h>
#include <stdint.h>

#include "comm.h"
#include "form.h"
#include "settings.h"
#include "source.h"

struct input_file {
    const char *name; /* as given */
    uint64_t size;    /* bytes on disk; 0 of a stream */
    enum packing packing;
    bool is_stream; /* standard input, a pipe: rank 0 reads it, once */
};

struct corpus {
    uint64_t n;
    struct input_file *file;
    uint64_t *name_at; /* [n+1]: where names begin in one text of all, without separators */
    char *names;       /* the same, each with a 0 behind it */
    uint64_t *weight;  /* [n+1]: of the files before; see corpus_weigh */
    uint64_t lo, hi;   /* this rank's share of the weights */
};

/* Collective. Rank 0 lists the inputs of the settings, looks at each, and tells all. Fills *e with EX_NOINPUT
 * where one is missing. Returns e->status, agreed and printed. End with corpus_free in any case. */
int corpus_gather(struct corpus *in, struct comm *c, const struct settings *s, struct error *e);
void corpus_free(struct corpus *in);

/* The form that all endings agree on; else fills *e with EX_USAGE. The same on every rank. Returns e->status.
 */
int corpus_form(const struct corpus *in, const struct form **form, struct error *e);

/* Share the files out over the ranks: each gets a contiguous stretch of about the same weight, the bytes on
 * disk, four times these where they are compressed, and one more a file, so that an empty one has its place,
 * too. */
void corpus_weigh(struct corpus *in, const struct comm *c);

/* Whether this rank has to look at a file, and at which of its bytes: at the records that begin in [*from,
 * *to). Of a file that is not cut these are 0 and UINT64_MAX. */
bool corpus_range(const struct corpus *in, const struct settings *s, uint64_t file, uint64_t *from,
                  uint64_t *to);

/* Whether a file may be cut between ranks. */
bool corpus_is_cut(const struct input_file *file, const struct settings *s);

#endif
