/* With --verbose: what the job is about to do. */
#ifndef VERBOSE_H
#define VERBOSE_H

#include "comm.h"
#include "options.h"

/* Not collective. A line on standard error, from rank 0, if it is wanted. */
void verbose(const struct options *o, const struct comm *c, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
