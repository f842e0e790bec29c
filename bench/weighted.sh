#!/bin/bash
# Microseconds that signing a weighted set takes, 64 symbols, by darts and by ICWS done plainly.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake -S . -B build >/dev/null
cmake --build build --target dart_rate >/dev/null
echo "elements darts,us icws,us ratio"
build/bench/dart_rate
