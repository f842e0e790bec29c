#!/bin/bash
# Seconds per stage of a join in several shapes, in one run: ranks x threads on this machine.
# usage: bench/run.sh [-b BANDS] [-r ROWS] [-s THRESHOLD] [FILE.h5]      without a file: all of Debian's package descriptions
set -euo pipefail
cd "$(dirname "$0")/.."

bands=20 rows=5 threshold=0.8
while getopts b:r:s: option; do
    case $option in
        b) bands=$OPTARG ;;
        r) rows=$OPTARG ;;
        s) threshold=$OPTARG ;;
        *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))

jobs/install-packages.sh
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" >/dev/null
mkdir -p build/bench
file=${1:-build/bench/descriptions.h5}
[ -e "$file" ] || data/debian_descriptions.py --lists build/bench/lists -o "$file"

for shape in 1x1 1x2 2x1 4x1; do
    mpirun -n "${shape%x*}" build/lshjoin -b "$bands" -r "$rows" --threshold "$threshold" -t "${shape#*x}" --quiet \
        --force -o "build/bench/$shape" "$file"
done
bench/table.py build/bench/{1x1,1x2,2x1,4x1}
