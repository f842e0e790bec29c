/* measure COMMAND...: runs it and prints its wall seconds and its peak memory in bytes; what it prints itself
 * is dropped. A program of its own, because Linux counts the memory of the process that starts a command as
 * the command's. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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
    printf("%.6f %lld\n", now() - start, 1024LL * usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}
