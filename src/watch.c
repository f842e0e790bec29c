#include "watch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lshjoin/base.h"

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGUSR1, "SIGUSR1"}, {SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}};

static _Atomic int asked;          /* the first signal that came */
static _Atomic double asked_at;    /* seconds_now */
static _Atomic(const char *) call; /* of MPI, that the main thread is in, or NULL */
static _Atomic double call_since;
static _Atomic(const char *) advice_text = "";
static double grace;
static double stall_after;
static char who[64];
static int own_rank;
static sem_t wake; /* posted by each signal */

static void hear(int number) {
    int kept = errno;
    if (atomic_load(&asked) == 0) {
        atomic_store(&asked_at, seconds_now());
        atomic_store(&asked, number);
        sem_post(&wake);
    }
    errno = kept;
}

const char *watch_asked(void) {
    int number = atomic_load(&asked);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        if (signals[i].number == number)
            return signals[i].name;
    return NULL;
}

const char *watch_must_leave(void) {
    const char *name = watch_asked();
    return name && seconds_now() - atomic_load(&asked_at) >= grace ? name : NULL;
}

void watch_grace(double seconds) {
    grace = seconds;
}

void watch_advise(const char *text) {
    atomic_store(&advice_text, text);
}

const char *watch_advice(void) {
    return atomic_load(&advice_text);
}

void watch_waits(const char *name) {
    atomic_store_explicit(&call_since, seconds_now(), memory_order_relaxed);
    atomic_store_explicit(&call, name, memory_order_release);
}

void watch_goes_on(void) {
    atomic_store_explicit(&call, NULL, memory_order_release);
}

/* The end of the process, by the thread that watches. */
static void leave(const char *text) {
    struct pollfd messages = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&messages, 1, 1000) > 0) /* what nobody reads would keep us here for ever */
        message(who, text);
    _exit(EX_TEMPFAIL);
}

/* Ranks leave one after the other, so that where a launcher ends the others there is one message: of the
 * first that can. */
static double own_turn(void) {
    const int between = 2, turns = 4;
    return between * (own_rank < turns ? own_rank : turns);
}

/* Nobody has heard the signal. */
static void leave_if_deaf(void) {
    char text[1000];
    if (!watch_asked() || seconds_now() - atomic_load(&asked_at) < WATCH_PATIENCE + own_turn())
        return;
    snprintf(text, sizeof text, "interrupted by %s, in the middle of work%s", watch_asked(), watch_advice());
    leave(text);
}

static void leave_if_stalled(void) {
    const char *name = atomic_load_explicit(&call, memory_order_acquire);
    char text[1000];
    double seconds = seconds_now() - atomic_load_explicit(&call_since, memory_order_relaxed);
    if (stall_after <= 0 || !name || seconds < stall_after + own_turn())
        return;
    snprintf(text, sizeof text,
             "no exchange has finished for %.0f s (%s): a rank or the network is gone (--stall-timeout)%s",
             seconds, name, watch_advice());
    leave(text);
}

static void *watch(void *ignored) {
    (void)ignored;
    const long tick = 200 * 1000 * 1000; /* ns */
    if (stall_after <= 0)
        while (sem_wait(&wake) != 0 && errno == EINTR)
            ; /* until there is something to watch */
    for (;;) {
        nanosleep(&(struct timespec){0, tick}, NULL);
        leave_if_deaf();
        leave_if_stalled();
    }
    return NULL;
}

static void listen_to(int number) {
    /* What is sent twice, by hand, is meant: at the second time the process ends at once. */
    struct sigaction act = {.sa_handler = hear,
                            .sa_flags = SA_RESTART | (number == SIGINT ? (int)SA_RESETHAND : 0)};
    sigaction(number, &act, NULL);
}

/* What is mapped, an index, was cut off under us, or a disk fails: nothing can be done but to say so,
 * whichever thread it was. */
static void end_of_map(int number) {
    const double turn = own_turn();
    (void)number;
    bool is_told = nanosleep(&(struct timespec){(time_t)turn, 0}, NULL) != 0; /* the launcher ends us */
    if (!is_told)
        message(who,
                "what is mapped cannot be reached any more (SIGBUS): a file of --index was cut short, a disk "
                "fails, or /dev/shm is full");
    _exit(EX_IOERR);
}

void watch_listen(void) {
    sem_init(&wake, 0, 0);
    listen_to(SIGUSR1);
}

void watch_start(int rank, int ranks, double stall) {
    pthread_t thread;
    own_rank = rank;
    stall_after = stall;
    snprintf(who, sizeof who, ranks > 1 ? "lshjoin: rank %d" : "lshjoin", rank);
    int failed = pthread_create(&thread, NULL, watch, NULL);
    if (failed)
        die(EX_OSERR, "a thread that watches could not be started: %s", strerror(failed));
    pthread_detach(thread);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        listen_to(signals[i].number);
    sigaction(SIGBUS, &(struct sigaction){.sa_handler = end_of_map, .sa_flags = (int)SA_RESETHAND}, NULL);
}
