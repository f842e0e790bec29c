#include <stdio.h>
#include <sysexits.h>

#include "comm.h"
#include "drop.h"
#include "h5_base.h"
#include "info.h"
#include "json_memory.h"
#include "pack.h"
#include "settings.h"
#include "show.h"

static void run(struct comm *c, struct settings *s, struct error *e) {
    bool prints = comm_rank(c) == 0;
    if (s->help && prints)
        settings_help(stdout);
    else if (s->version && prints)
        printf("lshpack %s\n%s\n%s\n", LSHJOIN_VERSION, comm_version(), h5_version());
    if (s->help || s->version)
        return;
    if (s->info)
        info_run(c, s->info, e);
    else if (s->show)
        show_run(c, s->show, s->inputs[0], e);
    else if (s->drop)
        drop_run(c, s, e);
    else
        pack_run(c, s, e);
}

int main(int argc, char **argv) {
    h5_start();
    struct comm *c = comm_start(&argc, &argv);
    struct settings s;
    struct error e = {0};
    comm_name(c, "lshpack");
    json_memory_start();
    settings_parse(&s, argc, argv, &e);
    if (!comm_failed(c, &e))
        run(c, &s, &e);
    if ((fflush(stdout) != 0 || ferror(stdout)) && !e.status) {
        message("lshpack", "standard output cannot be written");
        e.status = EX_IOERR;
    }
    comm_finish(c);
    return e.status;
}
