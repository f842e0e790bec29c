#!/bin/bash
# Seconds of --exact beside brute force by numpy and scipy, in the same run, on generated sets and vectors; the pairs must be the same.
# usage: bench/exact.sh [-n SETS] [-v VECTORS] [-t THREADS]
set -euo pipefail
cd "$(dirname "$0")/.."

sets=15000 vectors=30000 threads=1
while getopts n:v:t: option; do
    case $option in
        n) sets=$OPTARG ;;
        v) vectors=$OPTARG ;;
        t) threads=$OPTARG ;;
        *) exit 64 ;;
    esac
done

jobs/install-packages.sh
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" >/dev/null

unset OPENBLAS_CORETYPE # may hold BLAS back
export OPENBLAS_NUM_THREADS=$threads
bench/exact.py --sets "$sets" --vectors "$vectors" --threads "$threads"
