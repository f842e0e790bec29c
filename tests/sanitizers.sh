#!/bin/bash
# Runs the tests in builds that watch them: tests/sanitizers.sh [quick | asan | leaks | tsan | valgrind]...
#     quick     some unit tests, and a few seconds of each fuzz target, under AddressSanitizer and UndefinedBehaviorSanitizer (clang)
#     asan      all tests, under AddressSanitizer and UndefinedBehaviorSanitizer together
#     leaks     the same once more, with LeakSanitizer, which takes a second or two at the end of each of thousands of processes
#     tsan      all tests, under ThreadSanitizer
#     valgrind  the unit tests of the core, in the usual build, but those that measure by very many numbers
# Further arguments after -- go to ctest: tests/sanitizers.sh asan -- -R e2e-sets
set -euo pipefail
cd "$(dirname "$0")/.."
. jobs/mpi-env.sh

modes=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    modes+=("$1")
    shift
done
[ $# = 0 ] || shift
more=("$@")

export ASAN_OPTIONS=allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
# No process waits for a second at its end, as it would for threads that still run: there are thousands of processes.
export TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp:ignore_noninstrumented_modules=1:atexit_sleep_ms=0
export LSHJOIN_TEST_PATIENCE=10 # times as long as elsewhere

# The unit tests that don't measure by very many numbers.
few='^(base|bits|band|bucket|distance|drawing|forest|glance|law|pool|prefix|probe|product8|records|shard|share|sort|text_read)$'

quick() {
    command -v clang >/dev/null || { echo "No clang here: nothing is fuzzed, and no test is watched by sanitizers" >&2; return; }
    cmake --preset fuzz -Wno-dev >/dev/null
    cmake --build build-fuzz --parallel "$(nproc)" --target unit_tests >/dev/null
    ctest --test-dir build-fuzz --parallel "$(nproc)" --output-on-failure --no-tests=error -R "$few"
    tests/fuzz/run.sh 2
}

# What means nothing here: tests of how much memory is taken, or that take it away by a malloc of their own; what links the library to a
# program that is not watched; what is about documents, packages, a browser or a batch system, with the programs of the other tests; and
# what needs several times 10 GB.
elsewhere='^(memory|e2e-(memory|memory_long|pack_memory|failing|failing_all|library|documents|deb|lshreport_page|slurm)|large-2)$'

watched() { # by the build of this preset; 1: with LeakSanitizer
    local leaks=${2:-0}
    # memory that libraries hold until the end is found through frames that keep no frame pointer
    export ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=$leaks:fast_unwind_on_malloc=$((1 - leaks))
    cmake --preset "$1" -DBUILD_TESTING=ON
    cmake --build "build-$1" --parallel "$(nproc)"
    ctest --test-dir "build-$1" --parallel "$((3 * $(nproc)))" --output-on-failure --no-tests=error -E "$elsewhere" "${more[@]}"
}

for mode in "${modes[@]}"; do
    case $mode in
        quick) quick ;;
        asan | tsan) watched "$mode" ;;
        leaks) watched asan 1 ;;
        valgrind)
            command -v valgrind >/dev/null || { echo "No valgrind here" >&2; continue; }
            cmake --build build --parallel "$(nproc)" --target unit_tests >/dev/null
            for program in build/tests/test_*; do
                name=${program#build/tests/test_}
                [[ $name =~ $few ]] || continue
                valgrind -q --error-exitcode=1 --leak-check=full --trace-children=no "$program" >/dev/null
                echo "valgrind: $name is clean"
            done ;;
        *) echo "usage: $0 [quick | asan | leaks | tsan | valgrind]... [-- ARGUMENTS OF CTEST]" >&2; exit 64 ;;
    esac
done
