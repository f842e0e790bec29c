#include "json_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "disk.h"

int json_file_write(const char *directory, const char *name, const json_t *value, struct error *e) {
    char part[4200], whole[4200];
    snprintf(part, sizeof part, "%s/.%s.part", directory, name);
    snprintf(whole, sizeof whole, "%s/%s", directory, name);
    unlink(part); /* of one who died */
    FILE *f = fopen(part, "wx");
    bool good = f && json_dumpf(value, f, JSON_INDENT(2)) == 0;
    if ((f && fclose(f) != 0) || !good || disk_name(part, whole) != 0 || disk_sync(directory) != 0) {
        error_set(e, EX_IOERR, "%s: cannot be written: %s", whole, strerror(errno));
        unlink(part);
    }
    return e->status;
}
