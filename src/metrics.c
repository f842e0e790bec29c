#include "lshjoin/metrics.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lshjoin/base.h"
#include "lshjoin/fault.h"

const char *const stage_name[STAGES] = {"read",  "plan",       "duplicates", "sign",  "exchange",
                                        "group", "candidates", "verify",     "write", "cluster"};

void metrics_begin(struct metrics *m, enum progress progress, const uint64_t *wire) {
    *m = (struct metrics){.progress = progress, .begin = seconds_now(), .wire = wire};
    m->since = m->shown = m->begin;
    fault_point(stage_name[STAGE_READ]);
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

enum { MOST_SPANS = 1 << 16 };

void metrics_keep_spans(struct metrics *m) {
    m->has_spans = true;
    m->span = mem_alloc(MOST_SPANS, sizeof *m->span);
}

/* Half of the room, at least, is free then. */
static void forget_short_spans(struct metrics *m) {
    while (m->n_spans > MOST_SPANS / 2) {
        uint64_t kept = 0;
        m->least_span = m->least_span > 0 ? 2 * m->least_span : 1e-6;
        for (uint64_t i = 0; i < m->n_spans; i++)
            if (m->span[i].end - m->span[i].begin >= m->least_span)
                m->span[kept++] = m->span[i];
        m->n_spans = kept;
    }
}

static void keep_span(struct metrics *m, double end, uint64_t sent) {
    struct span *last = m->n_spans ? &m->span[m->n_spans - 1] : NULL;
    double begin = m->since - m->begin;
    if (last && last->stage == m->stage && last->end == begin) {
        last->end = end;
        last->sent += sent;
    } else if (end - begin >= m->least_span) {
        if (m->n_spans == MOST_SPANS)
            forget_short_spans(m);
        m->span[m->n_spans++] = (struct span){begin, end, sent, m->stage};
    }
}

void metrics_stage(struct metrics *m, enum stage stage) {
    double now = seconds_now();
    uint64_t sent = m->wire ? *m->wire : 0;
    if (m->has_spans)
        keep_span(m, now - m->begin, sent - m->sent_before);
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
    if (m->progress == PROGRESS_PHASES)
        m->shown = -INFINITY; /* it is time to */
    metrics_progress(m, 0, 0);
}

void metrics_progress(struct metrics *m, double share, uint64_t done) {
    double now = seconds_now(), every = m->progress == PROGRESS_TERMINAL ? 0.2 : 60;
    if (m->progress == PROGRESS_NONE || now - m->shown < every)
        return;
    m->shown = now;
    double spent = now - m->phase_begin;
    char left[32], line[160];
    int n = snprintf(line, sizeof line, "%s: %s", m->program ? m->program : "lshjoin", m->phase);
    if (share > 0 && m->stage != STAGE_READ)
        n += snprintf(line + n, sizeof line - (size_t)n, " (%s)", stage_name[m->stage]);
    n += snprintf(line + n, sizeof line - (size_t)n, ": %.0f%%", 100 * share);
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

void metrics_free(struct metrics *m) {
    free(m->span);
    m->span = NULL;
    m->has_spans = false;
}

/* Whether standard error reaches a terminal: ours, or that of the parent process, since mpirun passes on what
 * we write. */
static bool is_on_terminal(void) {
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

enum progress metrics_choose(int rank, bool is_quiet, bool is_wanted) {
    if (rank > 0 || is_quiet)
        return PROGRESS_NONE;
    if (is_on_terminal())
        return PROGRESS_TERMINAL;
    return is_wanted ? PROGRESS_PHASES : PROGRESS_LOG;
}
