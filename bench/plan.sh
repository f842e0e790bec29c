#!/bin/bash
# What the planner expects beside what comes: candidates, pairs, recall, memory and seconds, for some data sets and thresholds.
# usage: bench/plan.sh [-n RANKS] [FILE.h5[:/path] THRESHOLD ...]      without files: Debian's descriptions, made-up sets, Fashion-MNIST
set -euo pipefail
cd "$(dirname "$0")/.."

ranks=1
while getopts n: option; do
    case $option in
        n) ranks=$OPTARG ;;
        *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))

jobs/install-packages.sh --tests # scipy, which counts what is there to be found
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" --target lshjoin >/dev/null
mkdir -p build/bench/plan
if [ $# -eq 0 ]; then
    [ -e build/bench/plan/sets.h5 ] || bench/plan.py --make build/bench/plan/sets.h5
    [ -e build/bench/fashion-mnist.h5 ] || data/fashion_mnist.py -o build/bench/fashion-mnist.h5 || true
    set -- data/debian-slice.h5 0.8 data/debian-slice.h5 0.5 build/bench/plan/sets.h5 0.8 build/bench/plan/sets.h5 0.5
    [ ! -e build/bench/fashion-mnist.h5 ] || set -- "$@" build/bench/fashion-mnist.h5:/train 800
fi
bench/plan.py --ranks "$ranks" "$@"
