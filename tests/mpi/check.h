/* Checks in tests that run under MPI: a failed one ends the whole job with its place and rank. */
#ifndef CHECK_H
#define CHECK_H

#include <sysexits.h>

#include "comm.h"

#define CHECK(condition)                                                                                     \
    ((condition) ? (void)0 : die(EX_SOFTWARE, "%s:%d: CHECK(%s) failed", __FILE__, __LINE__, #condition))

/* Run one test on all ranks together; the name is told, so that a hang has a place. */
#define RUN(test, comm) (comm_rank(comm) == 0 ? (void)fprintf(stderr, "%s\n", #test) : (void)0, (test)(comm))

#endif
