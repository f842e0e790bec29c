#include "lshjoin/metrics.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lshjoin/base.h"
#include "lshjoin/fault.h"

const char *const stage_name[STAGES] = {"read",       "plan",   "sign",  "exchange", "group",
                                        "candidates", "verify", "write", "cluster"};

void metrics_begin(struct metrics *m, enum progress progress, const uint64_t *wire) {
    *m = (struct metrics){.progress = progress, .begin = seconds_now(), .wire = wire};
    m->since = m->shown = m->begin;
}

/* A duration in the two units that matter. */
static void print_time(char *text, size_t size, double seconds) {
    unsigned long s = (unsigned long)seconds;
    if (s < 60)
        snprintf(text, size, "%lus", s);
    else if (s < 3600)
        snprintf(text, size, "%lum%02lus", s / 60, s % 60);
    else
        snprintf(text, size, "%luh%02lum", s / 3600, s / 60 % 60);
}

void metrics_stage(struct metrics *m, enum stage stage) {
    double now = seconds_now();
    uint64_t sent = m->wire ? *m->wire : 0;
    m->seconds[m->stage] += now - m->since;
    m->sent[m->stage] += sent - m->sent_before;
    m->since = now;
    m->sent_before = sent;
    m->stage = stage;
    fault_point(stage_name[stage]);
}

void metrics_phase(struct metrics *m, const char *phase, const char *unit) {
    m->phase = phase;
    m->unit = unit;
    m->phase_begin = seconds_now();
    metrics_progress(m, 0, 0);
}

void metrics_progress(struct metrics *m, double share, uint64_t done) {
    double now = seconds_now(), every = m->progress == PROGRESS_TERMINAL ? 0.2 : 60;
    if (m->progress == PROGRESS_NONE || now - m->shown < every)
        return;
    m->shown = now;
    double spent = now - m->phase_begin;
    char left[32], line[160];
    int n = snprintf(line, sizeof line, "%s: %s: %.0f%%", m->program ? m->program : "lshjoin", m->phase,
                     100 * share);
    if (share > 0) {
        print_time(left, sizeof left, spent / share - spent);
        snprintf(line + n, sizeof line - (size_t)n, ", %llu %s, %.3g a second, %s left",
                 (unsigned long long)done, m->unit, (double)done / spent, left);
    }
    fprintf(stderr, m->progress == PROGRESS_TERMINAL ? "\r%-78s" : "%s\n", line);
    fflush(stderr);
    if (m->progress == PROGRESS_TERMINAL)
        message_after_line();
}

void metrics_end(struct metrics *m) {
    metrics_stage(m, m->stage);
    if (m->progress == PROGRESS_TERMINAL && m->shown > m->begin)
        fprintf(stderr, "\r%78s\r", "");
}

/* Of this program: ru_maxrss would also know what the process was before, a shell's or a Python's fork. */
uint64_t metrics_peak_memory(void) {
    unsigned long long kilobytes = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    while (f && kilobytes == 0 && fgets(line, sizeof line, f))
        sscanf(line, "VmHWM: %llu", &kilobytes);
    if (f)
        fclose(f);
    struct rusage usage;
    if (kilobytes == 0 && getrusage(RUSAGE_SELF, &usage) == 0)
        kilobytes = (unsigned long long)usage.ru_maxrss;
    return kilobytes * 1024;
}

bool metrics_on_terminal(void) {
    struct stat info;
    if (isatty(STDERR_FILENO))
        return true;
    if (fstat(STDERR_FILENO, &info) != 0 || !S_ISFIFO(info.st_mode) || !getenv("OMPI_COMM_WORLD_SIZE"))
        return false;
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/2", (long)getppid());
    int fd = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK);
    bool terminal = fd >= 0 && isatty(fd);
    if (fd >= 0)
        close(fd);
    return terminal;
}
