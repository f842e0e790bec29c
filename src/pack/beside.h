/* Two texts laid out to be compared by eye. */
#ifndef PACK_BESIDE_H
#define PACK_BESIDE_H

#include <stdint.h>
#include <stdio.h>

#include "buffer.h"

/* Columns of the terminal that standard output goes to, else what COLUMNS says, else 100. */
unsigned beside_width(void);

/* Print both texts, each under its head, in lines of `width` columns: side by side, or, where that is too
 * narrow, one under the other. White space is folded, what is no UTF-8 replaced, and of long texts some lines
 * around the first that differs are printed. */
void beside_print(FILE *f, const char *const head[2], const struct buffer text[2], unsigned width);

#endif
