/* A library to preload into any of the programs: makes one call of one function fail on one rank.
 *
 * LSHJOIN_FAILING=FUNCTION:RANK:NTH[:WHOSE]: the NTH such call (from 1) that comes from WHOSE code, a part of
 * the name of a shared library, or by default the program itself. `malloc` stands for all that gives memory.
 * With LSHJOIN_FAILING_CALLS=FILE rank 0 leaves there all such calls in their order, in "FUNCTION PATH"
 * lines: a number for the program's functions through which it was called, the same in all runs.
 *
 * It counts from the end of MPI_Init to MPI_Finalize: how an MPI starts without memory is not for us to mend.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <hdf5.h>
#include <jansson.h>
#include <mpi.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size), *__libc_calloc(size_t n, size_t size),
    *__libc_realloc(void *p, size_t size);

enum { FUNCTIONS = 64, CALLS = 1 << 16, DEPTH = 24 };

static struct {
    const char *name;
    atomic_ulong calls;
} counted[FUNCTIONS];

static struct {
    const char *name;
    unsigned long path;
} made[CALLS];

static char function[40], whose[40];
static int failing_rank, own_rank;
static unsigned long nth;
static atomic_ulong n_made;
static const char *calls_file, *program;
static atomic_bool is_armed;

/* Whether the code at an address is what is to fail. dladdr takes no memory. */
static bool is_from(const void *caller) {
    Dl_info info;
    if (!dladdr(caller, &info) || !info.dli_fname)
        return false;
    return whose[0] ? strstr(info.dli_fname, whose) != NULL : info.dli_fname == program;
}

/* Of the calls of this name. A table of pointers would do, were functions not called by several threads. */
static atomic_ulong *count_of(const char *name) {
    int i = 0;
    while (i < FUNCTIONS - 1 && counted[i].name && counted[i].name != name)
        i++;
    counted[i].name = name; /* the same text for each function: its first call comes from one thread */
    return &counted[i].calls;
}

/* Of the program's functions alone, wherever it was loaded. */
static unsigned long path_here(void) {
    void *frame[DEPTH];
    unsigned long path = 0;
    Dl_info info;
    for (int i = backtrace(frame, DEPTH); i-- > 0;)
        if (dladdr(frame[i], &info) && info.dli_fname == program)
            path = path * 0x100000001b3 + (unsigned long)((char *)frame[i] - (char *)info.dli_fbase);
    return path;
}

static void note(const char *name) {
    unsigned long i = atomic_fetch_add(&n_made, 1);
    if (i < CALLS) {
        made[i].name = name;
        made[i].path = path_here();
    }
}

/* Whether this call is to fail. */
static bool fails(const char *name, const void *caller) {
    if (!is_armed || !is_from(caller))
        return false;
    if (calls_file && own_rank == 0)
        note(name);
    unsigned long call = atomic_fetch_add(count_of(name), 1) + 1;
    return nth == call && own_rank == failing_rank && strcmp(name, function) == 0;
}

static void write_calls(void) {
    FILE *f = calls_file && own_rank == 0 ? fopen(calls_file, "w") : NULL;
    for (unsigned long i = 0; f && i < n_made && i < CALLS; i++)
        fprintf(f, "%s %lx\n", made[i].name, made[i].path);
    if (f)
        fclose(f);
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
    int result = PMPI_Init_thread(argc, argv, required, provided);
    const char *fault = getenv("LSHJOIN_FAILING");
    Dl_info info;
    calls_file = getenv("LSHJOIN_FAILING_CALLS");
    if (fault && sscanf(fault, "%39[^:]:%d:%lu:%39s", function, &failing_rank, &nth, whose) < 3)
        abort();
    PMPI_Comm_rank(MPI_COMM_WORLD, &own_rank);
    program = dladdr(__builtin_return_address(0), &info) ? info.dli_fname : NULL;
    path_here(); /* which takes memory the first time */
    is_armed = fault || calls_file;
    return result;
}

int MPI_Finalize(void) {
    is_armed = false;
    write_calls();
    return PMPI_Finalize();
}

#define CALLER __builtin_return_address(0)

/* ---- memory ---------------------------------------------------------------------------------------------
 */

static void *without_memory(void) {
    errno = ENOMEM;
    return NULL;
}

static const char memory[] = "malloc";

void *malloc(size_t size) {
    return fails(memory, CALLER) ? without_memory() : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
    return fails(memory, CALLER) ? without_memory() : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
    return fails(memory, CALLER) ? without_memory() : __libc_realloc(p, size);
}

/* ---- the system -----------------------------------------------------------------------------------------
 */

/* One that gives `bad` and sets errno. */
#define SYSTEM(type, bad, why, name, parameters, arguments)                                                  \
    type name parameters {                                                                                   \
        static type(*real) parameters;                                                                       \
        if (fails(#name, CALLER)) {                                                                          \
            errno = why;                                                                                     \
            return bad;                                                                                      \
        }                                                                                                    \
        if (!real)                                                                                           \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        return real arguments;                                                                               \
    }

SYSTEM(FILE *, NULL, EMFILE, fopen, (const char *path, const char *mode), (path, mode))
SYSTEM(DIR *, NULL, EMFILE, opendir, (const char *path), (path))
SYSTEM(int, -1, EACCES, mkdir, (const char *path, mode_t mode), (path, mode))
SYSTEM(int, -1, EACCES, rename, (const char *from, const char *to), (from, to))
SYSTEM(int, -1, EACCES, link, (const char *from, const char *to), (from, to))
SYSTEM(int, -1, EACCES, mkstemp, (char *path), (path))
SYSTEM(int, -1, EIO, fsync, (int fd), (fd))
SYSTEM(int, -1, ENOSPC, fallocate, (int fd, int mode, off_t from, off_t bytes), (fd, mode, from, bytes))
SYSTEM(int, -1, EIO, ftruncate, (int fd, off_t bytes), (fd, bytes))
SYSTEM(ssize_t, -1, EIO, pwrite, (int fd, const void *data, size_t n, off_t at), (fd, data, n, at))
SYSTEM(int, EAGAIN, EAGAIN, pthread_create,
       (pthread_t * thread, const pthread_attr_t *how, void *(*start)(void *), void *ctx),
       (thread, how, start, ctx))

int open(const char *path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
    va_end(more);
    if (fails("open", CALLER)) {
        errno = EMFILE;
        return -1;
    }
    static int (*real)(const char *, int, ...);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "open");
    return real(path, flags, mode);
}

/* These do what they are there for, and say that it went wrong: as a disk that is full. */
#define AFTERWARDS(type, bad, why, name, parameters, arguments)                                              \
    type name parameters {                                                                                   \
        static type(*real) parameters;                                                                       \
        if (!real)                                                                                           \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                                                       \
        bool fail = fails(#name, CALLER);                                                                    \
        type result = real arguments;                                                                        \
        if (!fail)                                                                                           \
            return result;                                                                                   \
        errno = why;                                                                                         \
        return bad;                                                                                          \
    }

AFTERWARDS(int, EOF, ENOSPC, fclose, (FILE * f), (f))
AFTERWARDS(int, -1, ENOSPC, json_dumpf, (const json_t *json, FILE *f, size_t flags), (json, f, flags))

/* ---- HDF5 -----------------------------------------------------------------------------------------------
 */

#define HDF5(type, name, parameters, arguments) SYSTEM(type, -1, EIO, name, parameters, arguments)
/* On all ranks together, so that who fails has taken part. */
#define TOGETHER(type, name, parameters, arguments) AFTERWARDS(type, -1, ENOSPC, name, parameters, arguments)

HDF5(hid_t, H5Fopen, (const char *name, unsigned flags, hid_t access), (name, flags, access))
HDF5(htri_t, H5Fis_hdf5, (const char *name), (name))
HDF5(hid_t, H5Dopen2, (hid_t loc, const char *name, hid_t access), (loc, name, access))
HDF5(hid_t, H5Dget_space, (hid_t id), (id))
HDF5(hid_t, H5Dget_type, (hid_t id), (id))
HDF5(hid_t, H5Dget_create_plist, (hid_t id), (id))
HDF5(hid_t, H5Pcreate, (hid_t class), (class))
HDF5(hid_t, H5Screate_simple, (int rank, const hsize_t *extent, const hsize_t *most), (rank, extent, most))
HDF5(herr_t, H5Sselect_hyperslab,
     (hid_t space, H5S_seloper_t how, const hsize_t *start, const hsize_t *stride, const hsize_t *count,
      const hsize_t *block),
     (space, how, start, stride, count, block))
HDF5(herr_t, H5Dread, (hid_t id, hid_t type, hid_t to, hid_t from, hid_t transfer, void *out),
     (id, type, to, from, transfer, out))
HDF5(herr_t, H5Dset_extent, (hid_t id, const hsize_t *extent), (id, extent))
HDF5(herr_t, H5Oget_info_by_name2,
     (hid_t loc, const char *name, H5O_info_t *info, unsigned fields, hid_t access),
     (loc, name, info, fields, access))
HDF5(herr_t, H5Pset_virtual, (hid_t plist, hid_t space, const char *file, const char *name, hid_t source),
     (plist, space, file, name, source))
TOGETHER(hid_t, H5Fcreate, (const char *name, unsigned flags, hid_t create, hid_t access),
         (name, flags, create, access))
TOGETHER(herr_t, H5Fclose, (hid_t id), (id))
TOGETHER(hid_t, H5Dcreate2,
         (hid_t loc, const char *name, hid_t type, hid_t space, hid_t links, hid_t create, hid_t access),
         (loc, name, type, space, links, create, access))
TOGETHER(herr_t, H5Dwrite, (hid_t id, hid_t type, hid_t from, hid_t to, hid_t transfer, const void *data),
         (id, type, from, to, transfer, data))
TOGETHER(herr_t, H5Dclose, (hid_t id), (id))
TOGETHER(hid_t, H5Acreate2,
         (hid_t loc, const char *name, hid_t type, hid_t space, hid_t create, hid_t access),
         (loc, name, type, space, create, access))
TOGETHER(herr_t, H5Awrite, (hid_t id, hid_t type, const void *value), (id, type, value))
