#!/bin/bash
# Builds the fuzz targets with clang, AddressSanitizer and UndefinedBehaviorSanitizer, and runs each for so many seconds:
#     tests/fuzz/run.sh [SECONDS [TARGET...]]
# With 0, or without, the corpora alone are replayed. What is found goes to build-fuzz/found, new inputs to build-fuzz/corpus.
# The same corpora lead to the same inputs, so that a new clone tries what was tried before: a change is not blamed for older faults.
#
# A crash within libhdf5 of what the target `h5` makes is HDF5's own (1.10 has known ones, which a broken file brings about): it is counted,
# kept, and the run goes on. Whatever else is found ends it with an error.
set -euo pipefail
cd "$(dirname "$0")/../.."

seconds=${1:-0}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(mhash options forms source h5_made h5)

command -v clang >/dev/null || { echo "No clang here: nothing is fuzzed" >&2; exit 77; }
cmake --preset fuzz -Wno-dev >/dev/null
cmake --build build-fuzz --parallel "$(nproc)" --target "${targets[@]/#/fuzz_}" >/dev/null

export ASAN_OPTIONS=allocator_may_return_null=1:quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
limits=(-rss_limit_mb=4096 -malloc_limit_mb=4096 -timeout=20 -max_len=4096 -close_fd_mask=1)

# Inputs are also drawn from what is compared, addresses among it: these have to be the same each time, where that is allowed.
in_place=()
! setarch -R true 2>/dev/null || in_place=(setarch -R)

TMPDIR=$(mktemp -d --tmpdir="$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT

# Whether what a log tells of came to pass in HDF5, and not in memory that is ours.
is_of_hdf5() {
    ! grep -q ' in mem_alloc ' "$1" &&
        awk '/^ +#[0-9]+ / && (/libhdf5/ || /\/src\// || /tests\/fuzz\/[a-z]/) { theirs = /libhdf5/; exit } END { exit !theirs }' "$1"
}

for target in "${targets[@]}"; do
    program=build-fuzz/tests/fuzz/fuzz_$target
    found=build-fuzz/found/$target
    mkdir -p "$found" "build-fuzz/corpus/$target"
    options=("${limits[@]}" "-artifact_prefix=$found/")
    [[ $target != h5* ]] || ASAN_OPTIONS+=:detect_leaks=0 # HDF5 1.10 forgets some memory when it meets a mistake
    if [ "$seconds" = 0 ]; then
        "$program" "${options[@]}" -runs=0 "tests/fuzz/corpus/$target" 2>"$found/log" || { cat "$found/log" >&2; exit 1; }
        echo "$target: its corpus is fine"
        continue
    fi
    end=$((SECONDS + seconds)) runs=0 theirs=0
    while [ $SECONDS -lt $end ]; do
        status=0
        "${in_place[@]}" "$program" "${options[@]}" -seed=$((1 + theirs)) -max_total_time=$((end - SECONDS)) -print_final_stats=1 \
            "build-fuzz/corpus/$target" "tests/fuzz/corpus/$target" 2>"$found/log" || status=$?
        runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$found/log" | tail -1)))
        [ $status != 0 ] || break
        if [ "$target" != h5 ] || ! is_of_hdf5 "$found/log"; then
            grep -vE '^#[0-9]+|^ *NEW_FUNC' "$found/log" >&2
            echo "$target: found something after $runs executions; its input is in $found" >&2
            exit 1
        fi
        theirs=$((theirs + 1))
    done
    echo "$target: $runs executions, nothing found$([ $theirs = 0 ] || echo " but $theirs crashes within HDF5 itself")"
done
