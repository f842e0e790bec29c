/* Directories for what a run writes. */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lshjoin/base.h"

/* mkdir -p, with the user's umask. Returns e->status: EX_CANTCREAT. */
int directory_make(const char *directory, struct error *e);

/* Lock a directory against other runs, for as long as the descriptor is open. Returns it, or -1 with *e set:
 * EX_CANTCREAT. */
int directory_lock(const char *directory, struct error *e);

/* Whether a name, or NULL, leads to this very file or directory. */
bool directory_leads_to(const char *name, const struct stat *file);
/* Whether both name one that is there; NULL names none. */
bool directory_is(const char *a, const char *b);
/* Whether a file, that may not be there, lies in a directory; NULL is none. */
bool directory_holds(const char *directory, const char *file);

#endif
