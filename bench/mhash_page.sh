#!/bin/bash
# The page of mhash (https://github.com/coderthetyler/mhash-c) made again: for both of its data sets and its eight
# (b, r) the S-curve, theory and experiment in one picture, and the tables of time and peak memory.
# usage: bench/mhash_page.sh [-k SEEDS] [-n RUNS] [-m MHASH]      MHASH: the program mhash, to be measured beside it
set -euo pipefail
cd "$(dirname "$0")/.."

seeds=10 runs=5 mhash=()
while getopts k:n:m: option; do
    case $option in
        k) seeds=$OPTARG ;;
        n) runs=$OPTARG ;;
        m) mhash=(--mhash "$OPTARG") ;;
        *) exit 64 ;;
    esac
done

jobs/install-packages.sh --tests # matplotlib and scipy are among what tests need
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" --target lshjoin measure >/dev/null
bench/mhash_page.py --seeds "$seeds" --runs "$runs" "${mhash[@]}"
