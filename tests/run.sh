#!/bin/bash
# Installs what is missing, builds with warnings as errors, and runs the tests; with --all also those that take long, and all but these again
# under sanitizers (hours);
# --faults breaks jobs on purpose instead, and prints what came of it.
set -euo pipefail
cd "$(dirname "$0")/.."

selection=(--label-exclude '^long$')
case "${1:-}" in
    '') ;;
    --all) selection=() ;;
    --faults) ;;
    *) echo "usage: $0 [--all | --faults]" >&2; exit 64 ;;
esac

jobs/install-packages.sh --tests
if [ ${#selection[@]} = 0 ] && ! jobs/install-packages.sh --slurm; then
    echo "No Slurm can be installed here: the test of the batch scripts will be skipped" >&2
fi
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=ON -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
cmake --build build --parallel "$(nproc)"
if [ "${1:-}" = --faults ]; then
    exec /usr/bin/python3 tests/faults/faults.py
fi
# Much of the time of a test is waiting for ranks to start: three at a time, which count two each.
status=0
ctest --test-dir build --parallel 6 --output-on-failure --no-tests=error "${selection[@]}" || status=$?
grep -h '^SKIPPED' build/Testing/Temporary/LastTest.log | sort -u | sed 's/^SKIPPED \[[0-9]*\]/Not tested:/' || true
[ "$status" = 0 ] || exit "$status"
if [ "${1:-}" = --all ]; then
    tests/sanitizers.sh quick asan leaks tsan valgrind
else
    tests/sanitizers.sh quick
fi
