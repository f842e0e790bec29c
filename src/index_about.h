/* What an index says of itself, in JSON. */
#ifndef INDEX_ABOUT_H
#define INDEX_ABOUT_H

#include "index.h"

/* Of the records of a run that are saved by their plan; to free. NULL where a name is not UTF-8, as all of
 * JSON is. */
char *index_about_write(const struct options *o, const struct inputs *in, const struct plan *p,
                        uint64_t data_bytes);

/* Into x, and into *all what is of all that are used together. `text` of n bytes has passed its checksum;
 * what is of another format, or not to be believed, fills *e with EX_DATAERR. */
int index_about_read(struct index *x, struct indexes *all, const char *text, uint64_t n, struct error *e);

#endif
