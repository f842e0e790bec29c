/* What the programs that measure limits share: a clock, arguments, and room that is there before time runs.
 */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

enum { LIMIT_TURNS = 3 }; /* of which the best one counts */

static inline double limit_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void limit_fail(const char *what) {
    perror(what);
    exit(EX_OSERR);
}

/* Memory that has been touched. */
static inline void *limit_room(uint64_t bytes) {
    void *p = malloc(bytes + 64);
    if (!p)
        limit_fail("memory");
    memset(p, 1, bytes + 64);
    return p;
}

static inline double limit_least(double a, double b) {
    return a < b ? a : b;
}

#endif
