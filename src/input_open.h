/* Opening the inputs: what is in them, and which metric it is for. */
#ifndef INPUT_OPEN_H
#define INPUT_OPEN_H

#include "comm.h"
#include "input_source.h"

/* Collective. Open the inputs of o into s[2] and tell in->n, in->of, in->family; whether they go with each
 * other and with the options. Returns e->status, agreed and printed; close in any case. */
int sources_open(struct inputs *in, struct source *s, struct comm *c, const struct options *o,
                 struct error *e);
/* The same, not collective, of the metric alone, for arrays, which are no files to open: in->family. */
int sources_choose_family(struct inputs *in, const struct source *s, const struct options *o,
                          struct error *e);
void sources_close(struct source *s);

#endif
