/* What a job is: everything that decides which pairs it finds. A checkpoint goes on only with the same. */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <jansson.h>

#include "input.h"

/* Collective. The job as JSON, to be released: program and version, the options that decide pairs, and of the
 * data shapes and a checksum of all rows, whatever their files are called and however many ranks there are.
 */
json_t *identity_of(struct comm *c, const struct options *o, const struct inputs *in);

/* Whether `other` is the same; else *e says what differs (EX_USAGE; of the data EX_DATAERR). `where` names
 * the owner of `other`. */
bool identity_agrees(const json_t *mine, const json_t *other, const char *where, struct error *e);

#endif
