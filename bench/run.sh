#!/bin/bash
# The project's benchmark: how near a join comes to what this machine can do, and how it stands beside others.
# usage: bench/run.sh [-n RANKS] [-t THREADS] [--runs N] [--vs COMMAND] [FILE.h5 [OPTIONS OF lshjoin]]
#            seconds, share and rate of each stage, and the rate at which this machine does the same work alone;
#            --vs: wall, CPU and memory beside those of COMMAND, the medians of N runs (5) in turns
#        bench/run.sh --shapes [-b BANDS] [-r ROWS] [-s THRESHOLD] [FILE.h5]
#            seconds per stage in several shapes: ranks x threads
#        bench/run.sh --duplicates [-n RANKS] [--runs N]
#            a million sets of which 100,000 are identical, beside the same without these
#        bench/run.sh --index [--runs N]
#            10,000 new sets with an index of 990,000 old ones, beside the join of all
#        bench/run.sh --all [--runs N] [--data NAME] [TABLE ...]
#            recall, CPU and memory on made sets and vectors beside plain programs; more cores; more ranks; growth.
#            An hour or more, the first time; which tables there are: bench/run.sh --all --help
# Without a file: all of Debian's package descriptions.
set -euo pipefail
cd "$(dirname "$0")/.."

script=stages
case ${1:-} in
    --shapes | --duplicates | --index | --all) script=${1#--}; shift ;;
esac

jobs/install-packages.sh
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" --target lshjoin measure limits peers >/dev/null
mkdir -p build/bench
"bench/$script.py" "$@"
