#include "lshjoin/base.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static char die_who[64] = "lshjoin";
static void (*die_leave)(int status) = exit;

int error_set(struct error *e, int status, const char *format, ...) {
    if (e->status)
        return e->status;
    e->status = status;
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return status;
}

void die_hook(const char *who, void (*leave)(int status)) {
    snprintf(die_who, sizeof die_who, "%s", who);
    die_leave = leave;
}

static atomic_bool line_is_open; /* a thread that watches may have a message, too */

void message_after_line(void) {
    line_is_open = true;
}

void message(const char *who, const char *text) {
    char line[1300];
    size_t n = (size_t)snprintf(line, sizeof line, "%s%s: %s\n", line_is_open ? "\n" : "", who, text);
    n = n < sizeof line ? n : sizeof line - 1;
    for (size_t i = line_is_open; i + 1 < n; i++) /* names out of a file could drive a terminal */
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = '?';
    /* One write, so that messages of several ranks don't mix; if even that fails there is nobody to tell. */
    if (write(STDERR_FILENO, line, n) < 0)
        return;
    line_is_open = false;
}

void die(int status, const char *format, ...) {
    char text[1100];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    message(die_who, text);
    die_leave(status);
    abort();
}

static size_t bytes_of(uint64_t n, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes) || bytes > PTRDIFF_MAX)
        die(EX_OSERR, "out of memory: %llu items of %zu bytes are more than can be addressed",
            (unsigned long long)n, size);
    return bytes ? bytes : 1;
}

void mem_keep(uint64_t budget) {
#if defined(__GLIBC__)
    const uint64_t most = 128 << 20;
    int kept = (int)min_u64(most, budget / 16);
    mallopt(M_MMAP_THRESHOLD, kept / 4);
    mallopt(M_TRIM_THRESHOLD, kept);
    malloc_trim(0);
#endif
}

void *mem_alloc(uint64_t n, size_t size) {
    const uintptr_t huge = (uintptr_t)2 << 20;
    size_t bytes = bytes_of(n, size);
    void *p = malloc(bytes);
    if (!p)
        die(EX_OSERR, "out of memory: %zu bytes could not be had", bytes);
    uintptr_t first = ((uintptr_t)p + huge - 1) / huge * huge, end = ((uintptr_t)p + bytes) / huge * huge;
    if (bytes >= 2 * huge)
        madvise((void *)first, end - first, MADV_HUGEPAGE); /* advice: a kernel without them may decline */
    return p;
}

void *mem_zero(uint64_t n, size_t size) {
    return memset(mem_alloc(n, size), 0, bytes_of(n, size));
}

void *mem_grow(void *p, uint64_t n, size_t size) {
    if (!p)
        return mem_alloc(n, size);
    size_t bytes = bytes_of(n, size);
    p = realloc(p, bytes);
    if (!p)
        die(EX_OSERR, "out of memory: %zu bytes could not be had", bytes);
    return p;
}

double seconds_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
