#!/bin/bash
# Whole self-joins of the shape at which lsh-rs was timed, 32,000 vectors of dimension 768, exact verification included, on one core;
# and the rate of the projections against BLAS.
# usage: bench/lsh_rs_shape.sh
set -euo pipefail
cd "$(dirname "$0")/.."

jobs/install-packages.sh
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" --target lshjoin project_rate >/dev/null
mkdir -p build/bench
unset OPENBLAS_CORETYPE # may hold BLAS back
OPENBLAS_NUM_THREADS=1 bench/lsh_rs_shape.py
