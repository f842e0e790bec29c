/* An error where ranks agree on errors. LSHJOIN_AGREEMENT=RANK:NTH gives that rank one at the NTH such place
 * that it comes to (from 1), with a status that nothing else has. LSHJOIN_AGREEMENTS=FILE: rank 0 leaves the
 * places there as it comes to them, one a line. */
#include "agreement.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#undef comm_failed

static void note(const char *place) {
    static FILE *file;
    const char *name = getenv("LSHJOIN_AGREEMENTS");
    if (!file && name && (file = fopen(name, "w")))
        setvbuf(file, NULL, _IOLBF, 0); /* told also by a rank that dies */
    if (file)
        fprintf(file, "%s\n", place);
}

bool agreement_failed(struct comm *c, struct error *e, const char *place) {
    static unsigned long come;
    unsigned long nth;
    int rank;
    const char *fault = getenv("LSHJOIN_AGREEMENT");
    if (e->told) /* nothing is left to agree on */
        return comm_failed(c, e);
    if (comm_rank(c) == 0)
        note(place);
    if (fault && sscanf(fault, "%d:%lu", &rank, &nth) == 2 && nth == ++come && rank == comm_rank(c))
        error_set(e, EX_PROTOCOL, "made to fail at %s", place);
    return comm_failed(c, e);
}
