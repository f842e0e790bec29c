/* Leaving when others want it: signals that ask for it, exchanges that never finish.
 *
 * SIGUSR1, SIGTERM and SIGINT ask to leave. comm_failed hears them, so that all ranks leave together where
 * errors are agreed on, with EX_TEMPFAIL. A rank that does not come there for WATCH_PATIENCE seconds, in a
 * long piece of work, is ended by a thread that watches; so is one that has waited too long in a call of MPI.
 * That thread calls neither MPI nor the C library's exit. One a process, started by the main thread.
 * SIGBUS, which comes where a mapped file cannot be read, ends the process with a message. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>

enum { WATCH_PATIENCE = 20 };

/* First of all, before MPI is there: SIGUSR1, of which the process would die, is kept for when ranks agree.
 * The other two end it as they do any other, until watch_start. */
void watch_listen(void);

/* After watch_listen. Hear all three from now on, as rank `rank` of `ranks`; `stall`: most seconds in one
 * call of MPI, or 0. */
void watch_start(int rank, int ranks, double stall);

/* How many seconds the main thread goes on, at most, from a signal on, before it must leave: 0 from the
 * start. */
void watch_grace(double seconds);

/* The signal that has asked to leave, by name, or NULL. */
const char *watch_asked(void);
/* The same once the grace is over. */
const char *watch_must_leave(void);

/* What a message on leaving says besides; "" from the start. The text is kept, not copied. */
void watch_advise(const char *advice);
const char *watch_advice(void);

/* Around every call of MPI, by the main thread. */
void watch_waits(const char *call);
void watch_goes_on(void);

#endif
