/* What every module needs: memory, errors, time, one integer mixer.
 *
 * Three kinds of failure (see ARCHITECTURE.md):
 *   a bug            assert()
 *   a failing system die(): one message, then the exit hook, which main points at MPI_Abort
 *   a user's error   a struct error, filled where it is seen, passed up, agreed on by all ranks
 */
#ifndef LSHJOIN_BASE_H
#define LSHJOIN_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#define LSHJOIN_VERSION "0.1.0"

struct error {
    int status; /* 0, or one of sysexits.h */
    bool told;  /* printed, and known to all ranks */
    char text[1000];
};

/* Fill *e unless it already holds an error (the first one is the cause). Returns e->status. */
int error_set(struct error *e, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Called by die() with the exit status, after the message; must not return. Default: exit(). */
void die_hook(const char *who, void (*leave)(int status));

/* "<who>: <text>" and a line end on standard error, in one write; control characters become '?'. */
void message(const char *who, const char *text);
/* A progress line stands unfinished on standard error: the next message begins on a new one. */
void message_after_line(void);

/* A failure that this process cannot answer: prints "<who>: <message>" on stderr in one write and leaves. */
noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* From now on blocks that are freed are kept for the next ones, those of up to 32 MB and 128 MB in all, or
 * less of a small budget, and what is held unused goes back. To get blocks from the system again, page by
 * page, costs as much as to fill them. Where the C library can't, nothing happens. */
void mem_keep(uint64_t budget);

/* n*size bytes, not cleared, freed with free(). Never NULL: a size that overflows or memory that is not there
 * dies with EX_OSERR. Large blocks ask for huge pages: touching them is three times
 * faster. */
void *mem_alloc(uint64_t n, size_t size);
/* The same, all zero. */
void *mem_zero(uint64_t n, size_t size);
/* p (or NULL) with room for n*size bytes, its contents kept. */
void *mem_grow(void *p, uint64_t n, size_t size);

/* Seconds of a monotonic clock. */
double seconds_now(void);

/* The finaliser of splitmix64 (Steele, Lea, Flood 2014; constants of Stafford's "Mix13"): a bijection of 64
 * bits. */
static inline uint64_t mix64(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* The next number below n of a stream; the odds of two numbers differ by less than n / 2^64. */
static inline uint32_t draw_below(uint64_t *state, uint32_t n) {
    *state += 0x9e3779b97f4a7c15u;
    return (uint32_t)(((unsigned __int128)mix64(*state) * n) >> 64);
}

/* What a word of a message ends with, for so many of them. */
static inline const char *plural(uint64_t n) {
    return n == 1 ? "" : "s";
}

static inline uint64_t min_u64(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

#endif
