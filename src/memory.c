#include "lshjoin/memory.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lshjoin/base.h"

enum { PATH = 4096, LINE = 3 * PATH };

static const uint64_t kilo = 1 << 10, mega = 1 << 20;

static void lower(struct memory_limit *l, uint64_t bytes, const char *by) {
    if (bytes < l->bytes)
        *l = (struct memory_limit){bytes, by};
}

/* A file under root, or NULL; a name too long is none. */
static FILE *open_under(const char *root, const char *name) {
    char path[PATH];
    return (size_t)snprintf(path, sizeof path, "%s%s", root, name) < sizeof path ? fopen(path, "r") : NULL;
}

/* "name: 123 kB" in a file of /proc, in bytes; 0 where there is none. */
static uint64_t field_of(const char *root, const char *file, const char *name) {
    FILE *f = open_under(root, file);
    char line[256];
    uint64_t kilobytes = 0;
    size_t length = strlen(name);
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, name, length) == 0 && line[length] == ':') {
            sscanf(line + length + 1, "%" SCNu64, &kilobytes);
            break;
        }
    if (f)
        fclose(f);
    return kilobytes * kilo;
}

/* Kernels that do not tell what is available are old. */
static void limit_by_node(struct memory_limit *l, const char *root) {
    uint64_t bytes = field_of(root, "/proc/meminfo", "MemAvailable");
    if (!bytes)
        bytes = field_of(root, "/proc/meminfo", "MemTotal");
    if (bytes)
        lower(l, bytes, "the node's free memory");
}

/* Where one hierarchy of cgroups is mounted, and which part of it. */
struct mount {
    char point[PATH], root[PATH];
    bool is_v2;
};

/* Spaces and the like are written as \040. */
static void unescape(char *text) {
    char *to = text;
    for (; *text; text++) {
        unsigned byte;
        if (text[0] == '\\' && sscanf(text + 1, "%3o", &byte) == 1) {
            *to++ = (char)byte;
            text += 3;
        } else {
            *to++ = *text;
        }
    }
    *to = 0;
}

/* Whether a word is one of a list with commas between. */
static bool lists(const char *list, const char *word) {
    size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, length) == 0 && strchr(",\n ", at[length]))
            return true;
    return false;
}

/* A line of mountinfo (proc(5)); false where it mounts no cgroups that bind memory. */
static bool read_mount(char *line, struct mount *m) {
    char type[64], options[PATH];
    char *rest = strstr(line, " - ");
    if (!rest || sscanf(line, "%*s %*s %*s %4095s %4095s", m->root, m->point) != 2 ||
        sscanf(rest + 3, "%63s %*s %4095s", type, options) != 2)
        return false;
    unescape(m->root);
    unescape(m->point);
    m->is_v2 = strcmp(type, "cgroup2") == 0;
    return m->is_v2 || (strcmp(type, "cgroup") == 0 && lists(options, "memory"));
}

/* The cgroup of this process in that hierarchy: "0::/path" or "5:memory,cpu:/path". */
static bool find_cgroup(const char *root, bool is_v2, char path[PATH]) {
    FILE *f = open_under(root, "/proc/self/cgroup");
    static char line[LINE];
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *controllers = strchr(line, ':'), *name = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!name || strlen(name + 1) >= PATH)
            continue;
        *name = ',';
        found = is_v2 ? name == controllers + 1 : lists(controllers + 1, "memory");
        strcpy(path, name + 1);
        path[strcspn(path, "\n")] = 0;
    }
    if (f)
        fclose(f);
    return found;
}

/* The number in a cgroup's file; "max" and, of version 1, what is as good as that, bind nothing. */
static void limit_by_file(struct memory_limit *l, const char *root, const char *directory, const char *name) {
    char path[PATH];
    uint64_t bytes;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        return;
    FILE *f = open_under(root, path);
    if (f && fscanf(f, "%" SCNu64, &bytes) == 1)
        lower(l, bytes, "a limit of the cgroup");
    if (f)
        fclose(f);
}

/* From the cgroup up to where the hierarchy is mounted. A cgroup outside of what is mounted, as a container
 * may see it, is looked for at the mount itself. */
static void limit_by_cgroup(struct memory_limit *l, const char *root, const struct mount *m) {
    char path[PATH], directory[2 * PATH];
    size_t above = strcmp(m->root, "/") == 0 ? 0 : strlen(m->root), bottom = strlen(m->point);
    if (!find_cgroup(root, m->is_v2, path))
        return;
    bool inside =
        strncmp(path, m->root, above) == 0 && (!path[above] || path[above] == '/') && !strstr(path, "/..");
    snprintf(directory, sizeof directory, "%s%s", m->point, inside ? path + above : "");
    for (char *end = directory + strlen(directory);; *end = 0) {
        if (m->is_v2) {
            limit_by_file(l, root, directory, "memory.max");
            limit_by_file(l, root, directory, "memory.high");
        } else {
            limit_by_file(l, root, directory, "memory.limit_in_bytes");
        }
        end = strrchr(directory, '/');
        if (!end || (size_t)(end - directory) < bottom)
            return;
    }
}

static void limit_by_cgroups(struct memory_limit *l, const char *root) {
    FILE *f = open_under(root, "/proc/self/mountinfo");
    static char line[LINE];
    static struct mount m;
    while (f && fgets(line, sizeof line, f))
        if (read_mount(line, &m))
            limit_by_cgroup(l, root, &m);
    if (f)
        fclose(f);
}

/* A positive number of the environment, or 0: by --mem=0 Slurm says the whole node. */
static uint64_t number_of(const char *name) {
    const char *text = getenv(name);
    char *end;
    unsigned long long n = text ? strtoull(text, &end, 10) : 0;
    return text && *text >= '0' && *text <= '9' && !*end ? n : 0;
}

/* Slurm counts in megabytes. */
static void limit_by_slurm(struct memory_limit *l, const char *name, uint64_t times) {
    uint64_t bytes;
    if (number_of(name) && times && !__builtin_mul_overflow(number_of(name), times * mega, &bytes))
        lower(l, bytes, name);
}

struct memory_limit memory_of_node(const char *root) {
    struct memory_limit l = {UINT64_MAX, "nothing"};
    uint64_t cpus = number_of("SLURM_CPUS_ON_NODE");
    long here = sysconf(_SC_NPROCESSORS_ONLN);
    limit_by_node(&l, root);
    limit_by_cgroups(&l, root);
    limit_by_slurm(&l, "SLURM_MEM_PER_NODE", 1);
    limit_by_slurm(&l, "SLURM_MEM_PER_CPU", cpus ? cpus : here > 0 ? (uint64_t)here : 1);
    limit_by_slurm(&l, "SLURM_MEM_PER_GPU", number_of("SLURM_GPUS_ON_NODE"));
    return l;
}

/* The kernel walks all pages for this file: it is read once. */
struct memory_held memory_held(void) {
    struct memory_held m = {0};
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    char line[256];
    uint64_t resident = 0, anonymous = 0, windows = 0, kilobytes;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Rss: %" SCNu64, &kilobytes) == 1)
            resident = kilobytes * kilo;
        else if (sscanf(line, "Pss: %" SCNu64, &kilobytes) == 1)
            m.bytes = kilobytes * kilo;
        else if (sscanf(line, "Pss_Anon: %" SCNu64, &kilobytes) == 1)
            anonymous = kilobytes * kilo;
        else if (sscanf(line, "Pss_Shmem: %" SCNu64, &kilobytes) == 1)
            windows = kilobytes * kilo;
    if (f)
        fclose(f);
    if (!m.bytes)
        m.bytes = resident = field_of("", "/proc/self/status", "VmRSS");
    m.own = anonymous ? anonymous + windows : m.bytes;
    m.shared = resident > m.bytes ? resident - m.bytes : 0;
    return m;
}

/* Of this program: ru_maxrss would also know what the process was before, a shell's or a Python's fork. */
uint64_t memory_peak(uint64_t shared) {
    uint64_t bytes = field_of("", "/proc/self/status", "VmHWM");
    struct rusage usage;
    if (!bytes && getrusage(RUSAGE_SELF, &usage) == 0)
        bytes = (uint64_t)usage.ru_maxrss * kilo;
    return bytes > shared ? bytes - shared : 0;
}
