#!/bin/bash
# A real Slurm on this machine alone: munged, slurmctld, and a slurmd for each of NODES pretended nodes, which pretend to have CPUS each.
# usage: tests/slurm/cluster.sh up DIR NODES CPUS     prints the path of its slurm.conf, to export as SLURM_CONF
#        tests/slurm/cluster.sh down DIR
# All it keeps is in DIR; a Slurm or munge that this machine has already is not touched. Needs no root, and jobs/install-packages.sh --slurm.
set -euo pipefail

free_ports() { # how many
    /usr/bin/python3 -c '
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*[s.getsockname()[1] for s in sockets])' "$1"
}

start_munge() {
    head -c 128 /dev/urandom >"$dir/munge.key"
    chmod 400 "$dir/munge.key"
    # --force: the directories above DIR may be everybody's, as /tmp is
    /usr/sbin/munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
        --log-file="$dir/log/munged.log" --seed-file="$dir/munge.seed" 2>>"$dir/log/munged.err"
}

write_conf() { # nodes, CPUs of each
    local host user ports
    host=$(hostname -s)
    user=$(id -un)
    read -ra ports < <(free_ports $(($1 + 1)))
    cat >"$dir/slurm.conf" <<END
ClusterName=lshjoin
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
SlurmctldPort=${ports[0]}
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool-%n
TmpFS=$dir/tmp-%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=200
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=0
MpiDefault=none
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=3600
PartitionName=batch Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
    for ((k = 1; k <= $1; k++)); do
        echo "NodeName=n$k NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[k]} CPUs=$2 RealMemory=4000 State=UNKNOWN" >>"$dir/slurm.conf"
    done
}

up() { # nodes, CPUs of each
    mkdir -p "$dir/state" "$dir/log"
    start_munge
    write_conf "$@"
    export SLURM_CONF=$dir/slurm.conf
    /usr/sbin/slurmctld -c
    for ((k = 1; k <= $1; k++)); do
        mkdir -p "$dir/spool-n$k" "$dir/tmp-n$k" # PMIx has a socket in each
        PMIX_MCA_gds='hash' /usr/sbin/slurmd -N "n$k" # shared memory of PMIx: not for several daemons on one machine
    done
    for ((wait = 0; wait < 150; wait++)); do
        [ "$(sinfo -h -N -o %t 2>/dev/null | grep -cx idle)" != "$1" ] || { echo "$SLURM_CONF"; return; }
        sleep 0.2
    done
    echo "$0: not all of $1 nodes are idle after 30 s:" >&2
    tail -n 20 "$dir"/log/* >&2
    return 1
}

# Ends what up started, by its own pid files; munged last, as the others need it.
down() {
    for file in "$dir"/slurmd-*.pid "$dir/slurmctld.pid" "$dir/munged.pid"; do
        [ -s "$file" ] || continue
        pid=$(cat "$file")
        kill "$pid" 2>/dev/null || continue
        for ((wait = 0; wait < 50; wait++)); do
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "$pid"
    done
}

[ $# -ge 2 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 64; }
dir=$2
"$1" "${@:3}"
