#!/bin/bash
# Two hosts on one machine, as network namespaces lshjoin1 and lshjoin2 with a cable between them. As root.
#   hosts.sh up | down        make them; take them away, with all that runs there
#   hosts.sh cut | mend       the cable
#   hosts.sh kill             whatever runs on the second
#   hosts.sh mpirun ARG...    mpirun on the first, with --host for both
#   hosts.sh shell HOST ...   what ssh is to mpirun
set -euo pipefail
self=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
net=10.77.0

# HOST COMMAND...: there, under a host name of its own.
on() {
    local host=$1
    shift
    exec nsenter --net="/run/netns/$host" unshare --uts -- bash -c 'hostname "$0"; exec "$@"' "$host" "$@"
}

case "$1" in
    up)
        "$self" down
        ip netns add lshjoin1
        ip netns add lshjoin2
        ip -n lshjoin1 link add eth0 type veth peer name eth0 netns lshjoin2
        for k in 1 2; do
            ip -n lshjoin$k addr add $net.$k/24 dev eth0
            ip -n lshjoin$k link set lo up
            ip -n lshjoin$k link set eth0 up
        done
        ;;
    down)
        for k in 1 2; do
            if ip netns list | grep -qw lshjoin$k; then
                ip netns pids lshjoin$k | xargs --no-run-if-empty kill -9 || true
                ip netns del lshjoin$k
            fi
        done
        ;;
    cut) ip -n lshjoin2 link set eth0 down ;;
    mend) ip -n lshjoin2 link set eth0 up ;;
    kill) ip netns pids lshjoin2 | xargs --no-run-if-empty kill -9 ;;
    mpirun)
        shift
        on lshjoin1 mpirun --host $net.1:2,$net.2:2 --mca plm rsh --mca plm_rsh_agent "$self shell" --mca btl self,vader,tcp \
            --mca btl_tcp_if_include $net.0/24 --mca oob_tcp_if_include $net.0/24 "$@"
        ;;
    shell)
        shift
        while [[ $1 == -* ]]; do shift; done
        host=lshjoin${1##*.}
        shift
        on "$host" bash -c "$*"
        ;;
    *)
        sed -n '2,8s/^# //p' "$self" >&2
        exit 64
        ;;
esac
