#!/bin/bash
# Installs what lshjoin needs on Debian 12, if anything of it is missing: what builds and runs it, with --tests also what tests it, with
# --slurm instead a Slurm, which the tests of the batch scripts start.
# Needs root only when something is missing.
set -euo pipefail

packages=(
    gcc libc6-dev make cmake pkg-config
    openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libjansson-dev
    libxxhash-dev libutf8proc-dev zlib1g-dev libzstd-dev # for lshpack
    python3-h5py python3-numpy # for the scripts in data/
)
test_packages=(g++ libcmocka-dev hdf5-tools python3-pytest python3-scipy python3-matplotlib python3-xxhash zstd
    clang libclang-rt-14-dev shellcheck iproute2 procps)
slurm_packages=(slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge)

case "${1:-}" in
    '') ;;
    --tests) packages+=("${test_packages[@]}") ;;
    --slurm) packages=("${slurm_packages[@]}") ;;
    *) echo "usage: $0 [--tests | --slurm]" >&2; exit 64 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: going on without a look at its packages. Debian's names of those needed: ${packages[*]}" >&2
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "Packages are missing. Please ask the administrator of this machine to run" >&2
    echo "    apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq --no-install-recommends "${missing[@]}" >/dev/null # says hundreds of lines; errors go to stderr
