/* Values of options, as all programs here take them. A mistake fills *e with EX_USAGE and what was expected.
 */
#ifndef ARGUMENT_H
#define ARGUMENT_H

#include <stdint.h>

#include "lshjoin/base.h"

/* A whole number in [least, most], nothing before or behind it. Returns e->status. */
int argument_number(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *v,
                    struct error *e);

/* A number of bytes in [least, most], with K, M or G for powers of 1024. Returns e->status. */
int argument_size(const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *v,
                  struct error *e);

#endif
