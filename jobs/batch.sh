# shellcheck shell=bash
# What the batch scripts share; they source it. Nothing here needs an edit.
#   join ARGUMENT...     lshjoin on all ranks, with the allocation's threads and the nodes' own scratch space
#   pack ARGUMENT...     lshpack in the same way, with the allocation's memory, which lshjoin asks Slurm for itself
#   launch PROGRAM ...   any program, on $nodes nodes and $ranks ranks, which are at first all of the job
#   requeue MOST         puts this job back into the queue, MOST times at most
# A status other than 0 ends the job, with a line that says so. USR1 is passed on to the ranks.
# LSHJOIN_LAUNCHER, where set, starts the ranks instead of what is found here, as in "srun --mpi=pmi2".
set -euo pipefail

jobs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$jobs/../build:$PATH # the programs of this clone, or installed ones
# shellcheck source=jobs/mpi-env.sh
. "$jobs/mpi-env.sh"
export OMPI_MCA_hwloc_base_binding_policy=none # Slurm binds ranks to their cores; Open MPI would bind each to one

nodes=$SLURM_JOB_NUM_NODES
ranks=${SLURM_NTASKS:-$nodes}
threads=${SLURM_CPUS_PER_TASK:-1}
scratch=${SLURM_TMPDIR:-${TMPDIR:-/tmp}}

say() {
    echo "$(date +%T) ${SLURM_JOB_NAME:-job} $SLURM_JOB_ID: $*" >&2
}

fail() { # status, why
    say "$2"
    exit "$1"
}

meaning() { # of an exit status
    case $1 in
        64) echo "a mistake on the command line" ;;
        65) echo "a mistake in the data" ;;
        66) echo "an input that cannot be read" ;;
        70) echo "a limit or a mistake of the program, or ranks that never began" ;;
        69 | 71) echo "no room in memory: more nodes, or --mem-per-cpu" ;;
        73) echo "an output that cannot be made, or is refused" ;;
        74) echo "an error of input or output" ;;
        75) echo "ended by a signal, or a rank that was waited for in vain; what is done is in the checkpoint, if there is one" ;;
        124) echo "out of time: --time" ;;
        127) echo "a program that is not there" ;;
        137) echo "killed, by lack of memory (--mem-per-cpu) or of time (--time)" ;;
        139) echo "a crash" ;;
        143) echo "ended by a signal" ;;
        205) echo "a node that was lost" ;;
        *) echo "see above" ;;
    esac
}

at_exit() {
    local status=$?
    if [ "$status" = 0 ]; then
        say "done"
    else
        say "FAILED with status $status: $(meaning "$status")"
    fi
}
trap at_exit EXIT

# How ranks are started, in the array `launcher`.
find_launcher() {
    if [ -n "${LSHJOIN_LAUNCHER:-}" ]; then
        read -ra launcher <<<"$LSHJOIN_LAUNCHER"
    elif [[ $(srun --mpi=list 2>&1) == *pmix* ]]; then
        launcher=(srun --mpi=pmix)
    else
        launcher=(mpirun --bind-to none)
    fi
}
find_launcher

# Its options for $nodes and $ranks, in the array `placement`. srun of some versions forgets --cpus-per-task; all go on without
# a rank that failed, unless told not to.
place() {
    case ${launcher[0]##*/} in
        srun) placement=(--nodes="$nodes" --ntasks="$ranks" --cpus-per-task="$threads" --kill-on-bad-exit=1) ;;
        *) placement=(-n "$ranks") ;;
    esac
}

# Seconds until a minute before the job's time limit, in which ranks that are asked to end can do so; 0 where there is none.
seconds_left() {
    local text end left
    text=$(squeue -h -j "$SLURM_JOB_ID" -o %e)
    if ! end=$(date -d "${text:-none}" +%s 2>/dev/null); then
        echo 0
        return
    fi
    left=$((end - $(date +%s) - 60))
    echo $((left > 1 ? left : 1))
}

# The launcher is the child of `timeout`, which itself would die of the signal.
pass_on() {
    signalled=1
    say "USR1: passed on to the ranks"
    pkill -USR1 -P "$running" || true # just gone
}
running=''
trap '[ -z "$running" ] || pass_on' USR1

launch() {
    local placement status signalled
    command -v "$1" >/dev/null || fail 127 "no program $1 in $jobs/../build nor in PATH"
    place
    say "$ranks ranks of $threads threads on $nodes nodes, by ${launcher[*]}: $*"
    timeout --foreground --kill-after=40 "$(seconds_left)" "${launcher[@]}" "${placement[@]}" "$@" &
    running=$!
    while
        signalled='' status=0
        wait "$running" || status=$? # which ends early when a signal comes
        [ -n "$signalled" ]
    do :; done
    running=''
    return $status
}

# What -o or --output among the arguments names.
output_of() {
    while [ $# -gt 1 ]; do
        case $1 in
            -o | --output) echo "$2"; return ;;
        esac
        shift
    done
    fail 64 "no output is named: -o"
}

# What is written last, then what to launch. srun may say 0 where it could not start a rank: no new file, no success.
launch_for() {
    local before
    before=$(stat -c '%i %y' "$1" 2>/dev/null) || true
    launch "${@:2}" || return
    if [ ! -s "$1" ] || [ "$(stat -c '%i %y' "$1")" = "$before" ]; then
        fail 70 "nothing has failed, but $1 was not written"
    fi
}

join() {
    local output
    output=$(output_of "$@") || exit
    launch_for "$output/run.json" lshjoin --threads "$threads" --scratch "$scratch" --stall-timeout 1800 "$@"
}

# MB of a rank that the allocation has room for; nothing where it does not say.
memory_of_rank() {
    local on_node=${SLURM_TASKS_PER_NODE%%[(,]*}
    if [ -n "${SLURM_MEM_PER_CPU:-}" ]; then
        echo $((SLURM_MEM_PER_CPU * threads))
    elif [ -n "${SLURM_MEM_PER_NODE:-}" ]; then
        echo $((SLURM_MEM_PER_NODE / on_node))
    fi
}

pack() {
    local memory output
    memory=$(memory_of_rank)
    output=$(output_of "$@") || exit
    # the rest is for the program and MPI
    launch_for "$output" lshpack --threads "$threads" --scratch "$scratch" ${memory:+--memory "$((memory * 3 / 4))M"} "$@"
}

requeue() {
    local before=${SLURM_RESTART_COUNT:-0}
    [ "$before" -lt "$1" ] || fail 75 "requeued $before times and still not done: is the time limit long enough for a checkpoint?"
    say "not done yet: back into the queue"
    scontrol requeue "$SLURM_JOB_ID" || fail 75 "cannot be requeued; submit it again to go on"
    trap - EXIT
    sleep 600 # Slurm ends this script
}
