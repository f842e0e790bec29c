/* What lshjoin_faults does at the places where it can be broken. LSHJOIN_FAULT is PLACE:RANK:NTH:ACTION; when
 * that rank comes there for the NTH time (from 1), it kill       kills itself with SIGKILL stop       stands
 * still, as on a host that hangs hold=FILE  makes FILE and waits until somebody removes it. */
#include "lshjoin/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int own_rank(void) {
    const char *text = getenv("OMPI_COMM_WORLD_RANK");
    return text ? atoi(text) : 0;
}

static void hold(const char *file) {
    int fd = open(file, O_CREAT | O_WRONLY, 0600);
    if (fd >= 0)
        close(fd);
    while (access(file, F_OK) == 0)
        usleep(10000);
}

void fault_point(const char *where) {
    static int come;
    char place[32], action[4200];
    int rank, nth;
    const char *fault = getenv("LSHJOIN_FAULT");
    if (!fault || sscanf(fault, "%31[^:]:%d:%d:%4199s", place, &rank, &nth, action) != 4)
        return;
    if (strcmp(place, where) != 0 || rank != own_rank() || ++come != nth)
        return;
    if (strcmp(action, "kill") == 0)
        raise(SIGKILL);
    else if (strcmp(action, "stop") == 0)
        raise(SIGSTOP);
    else if (strncmp(action, "hold=", 5) == 0)
        hold(action + 5);
}
