/* Comes before the sources of lshjoin_faults and lshpack_faults (-include): every place where ranks agree on
 * errors says which it is, and may be given one. */
#ifndef AGREEMENT_H
#define AGREEMENT_H

#include "comm.h"

/* comm_failed, at `place` of the source. */
bool agreement_failed(struct comm *c, struct error *e, const char *place);

#define AGREEMENT_TEXT(line) #line
#define AGREEMENT_PLACE(file, line) file ":" AGREEMENT_TEXT(line)
#define comm_failed(c, e) agreement_failed(c, e, AGREEMENT_PLACE(__FILE__, __LINE__))

#endif
