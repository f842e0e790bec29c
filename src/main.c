#include <stdio.h>
#include <sysexits.h>

#include "comm.h"
#include "h5_base.h"
#include "job.h"
#include "lshjoin/base.h"
#include "lshjoin/fault.h"
#include "options.h"
#include "watch.h"

int main(int argc, char **argv) {
    watch_listen();
    fault_point("start");
    mem_keep(UINT64_MAX);
    comm_expect_alone();
    h5_start();
    struct comm *c = comm_start(&argc, &argv);
    struct options o;
    struct error e = {0};
    options_parse(&o, argc, argv, NULL, &e);
    if (comm_failed(c, &e)) {
        /* said already */
    } else if (o.help) {
        if (comm_rank(c) == 0)
            options_help(stdout);
    } else if (o.version) {
        if (comm_rank(c) == 0)
            printf("lshjoin %s\n%s\n%s\n", LSHJOIN_VERSION, comm_version(), h5_version());
    } else {
        job_run(c, &o, &e);
    }
    options_free(&o);
    if ((fflush(stdout) != 0 || ferror(stdout)) && !e.status) {
        message("lshjoin", "standard output cannot be written");
        e.status = EX_IOERR;
    }
    comm_finish(c);
    return e.status;
}
