/* The name of the output: written under another one, which becomes the final one when the file is whole. All
 * collective; errors are agreed on and printed. */
#ifndef PACK_TARGET_H
#define PACK_TARGET_H

#include <stdbool.h>

#include "comm.h"

enum { TARGET_NAME = 4096 };

struct target {
    const char *name;            /* not owned */
    char directory[TARGET_NAME]; /* where it is */
    char part[TARGET_NAME];      /* the name while it is written: "<name>.part-<process of rank 0>" */
};

/* Whether the file may be made: EX_CANTCREAT if one is there and `force` does not allow to replace it. */
int target_prepare(struct target *t, struct comm *c, const char *name, bool force, struct error *e);
/* Unless *e holds an error: to disk, and to its final name. Else remove what there is. Returns e->status. */
int target_finish(struct target *t, struct comm *c, struct error *e);

#endif
