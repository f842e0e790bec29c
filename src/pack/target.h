/* The name of the output: written under another one, which becomes the final one when the file is whole. All
 * collective; errors are agreed on and printed. */
#ifndef PACK_TARGET_H
#define PACK_TARGET_H

#include <stdbool.h>

#include "comm.h"
#include "corpus.h"
#include "settings.h"

enum { TARGET_NAME = 4096 };

struct target {
    const char *name;            /* not owned */
    bool force;                  /* one that is there is replaced */
    char directory[TARGET_NAME]; /* where it is */
    char part[TARGET_NAME];      /* the name while it is written: "<name>.part-<process of rank 0>" */
};

/* Whether the output of the settings may be made: EX_CANTCREAT if one is there and may not be replaced, or
 * is an input. From now on signals that end the job remove the part. */
int target_prepare(struct target *t, struct comm *c, const struct settings *s, const struct corpus *in,
                   struct error *e);
/* Unless *e holds an error: to disk, and to its final name. Else remove what there is. Returns e->status. */
int target_finish(struct target *t, struct comm *c, struct error *e);

#endif
