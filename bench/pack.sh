#!/bin/bash
# MB of text a second that one core makes into sets of shingles, with lshpack and otherwise.
# usage: bench/pack.sh [MB]      of text to make, under the directory for temporary files (default 200; ten times that must fit there)
set -euo pipefail
cd "$(dirname "$0")/.."

jobs/install-packages.sh
. jobs/mpi-env.sh
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" --target lshpack pack_rate >/dev/null
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
bench/pack_text.py "${1:-200}" "$directory/text.txt" "$directory/text.jsonl"
bench/pack.py build "$directory"
