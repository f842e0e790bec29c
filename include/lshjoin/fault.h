/* Places where tests break the program. */
#ifndef LSHJOIN_FAULT_H
#define LSHJOIN_FAULT_H

/* Called wherever a stage (metrics.h) begins, and by name in some places besides. Here nothing happens; the
 * tests' own build, lshjoin_faults, is linked with another definition of this function, which stops the
 * process where it was told to. */
void fault_point(const char *where);

#endif
