/* The natural logarithm, the same on every machine: libm's own may differ from one CPU to the next. */
#ifndef LSHJOIN_LOGARITHM_H
#define LSHJOIN_LOGARITHM_H

/* ln x of a normal x > 0, with an error below 2^-50 (of values near 0: relative). */
double natural_log(double x);

#endif
