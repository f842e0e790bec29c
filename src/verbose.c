#include "verbose.h"

#include <stdarg.h>
#include <stdio.h>

void verbose(const struct options *o, const struct comm *c, const char *format, ...) {
    if (!o->verbose || comm_rank(c) > 0)
        return;
    va_list args;
    va_start(args, format);
    fputs("lshjoin: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}
