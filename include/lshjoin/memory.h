/* What memory there is for a job on this node, and how much of it this process holds. */
#ifndef LSHJOIN_MEMORY_H
#define LSHJOIN_MEMORY_H

#include <stdint.h>

/* What all processes of a job may hold together on this node, and what says so ("the node", "its cgroup",
 * "SLURM_MEM_PER_CPU"). */
struct memory_limit {
    uint64_t bytes; /* UINT64_MAX: nothing says */
    const char *by;
};

/* The least of the memory that is free on this node, the limits of this process's cgroup and of all that
 * cgroup's ancestors, of version 1 or 2, and what Slurm has given. root: "", or the directory under which a
 * test has put /proc and the cgroups' files. */
struct memory_limit memory_of_node(const char *root);

/* What this process holds now, in bytes. */
struct memory_held {
    uint64_t bytes;  /* of a page that several hold its share; all that is resident where the kernel does not
                        tell; 0 where it tells neither */
    uint64_t own;    /* of that, what lies in no file: what is held of the program and of libraries changes as
                        others that run the same come and go. Kernels before 5.4 do not tell it: there it is
                        all. */
    uint64_t shared; /* beside that: of the resident pages, what is others' share */
};
struct memory_held memory_held(void);

/* The most that this process has held, if `shared` of its resident pages was others' share. */
uint64_t memory_peak(uint64_t shared);

#endif
