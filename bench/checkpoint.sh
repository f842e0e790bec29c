#!/bin/bash
# What checkpoints cost: CPU and wall seconds of joins with them beside those without, as ratios.
# usage: bench/checkpoint.sh [--runs N] [--ranks N]
set -euo pipefail
cd "$(dirname "$0")/.."

jobs/install-packages.sh
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" --target lshjoin measure >/dev/null
mkdir -p build/bench
bench/checkpoint.py "$@"
