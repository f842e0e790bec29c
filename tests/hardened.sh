#!/bin/bash
# Whether programs are hardened as CMakeLists.txt asks for: tests/hardened.sh PROGRAM...
set -euo pipefail
failed=0

expect() { # what it is, a pattern, readelf's options
    local what=$1 pattern=$2
    shift 2
    readelf -W "$@" "$program" | grep -E "$pattern" >/dev/null || { echo "$program: no $what" >&2; failed=1; }
}

for program; do
    expect "position-independent executable" 'Type: +DYN \(Position-Independent' -h
    expect "relocations made read-only" 'GNU_RELRO' -l
    expect "binding of all symbols at start" 'BIND_NOW|FLAGS_1.* NOW' -d
    expect "stack protector" '__stack_chk_fail' -s
    expect "fortified function" '__[a-z]+_chk@' -s
    expect "stack that is not executable" 'GNU_STACK.* RW +0x' -l
done
exit $failed
