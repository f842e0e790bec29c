/* measure COMMAND...: runs it and prints its wall seconds, its peak memory in bytes and its CPU seconds; what
 * it prints itself is dropped. A program of its own, because Linux counts the memory of the process that
 * starts a command as the command's. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(struct timeval t) {
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return EX_USAGE;
    double start = now();
    pid_t child = fork();
    if (child == 0) {
        if (freopen("/dev/null", "w", stdout))
            execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(EX_UNAVAILABLE);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return EX_OSERR;
    printf("%.6f %lld %.6f\n", now() - start, 1024LL * usage.ru_maxrss,
           seconds(usage.ru_utime) + seconds(usage.ru_stime));
    return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}
