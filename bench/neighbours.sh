#!/bin/bash
# Nearest neighbours by p-stable hashing: the two tables and the plots of floky's page on recall (LSH_recall.ipynb of lsh-rs), made again.
# usage: bench/neighbours.sh [-q QUERIES] [-t THREADS] [FILE.h5[:/path]]      without a file: Fashion-MNIST
# Queries are rows of the dataset `test` beside the data, or else the data's own first rows, each without itself, as on that page.
set -euo pipefail
cd "$(dirname "$0")/.."

queries=1000 threads=1
while getopts q:t: option; do
    case $option in
        q) queries=$OPTARG ;;
        t) threads=$OPTARG ;;
        *) exit 64 ;;
    esac
done
shift $((OPTIND - 1))

jobs/install-packages.sh
. jobs/mpi-env.sh
/usr/bin/python3 -c 'import matplotlib' 2>/dev/null || { echo "For the plots: apt-get install python3-matplotlib" >&2; exit 1; }
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF >/dev/null
cmake --build build --parallel "$(nproc)" >/dev/null
mkdir -p build/bench
file=${1:-build/bench/fashion-mnist.h5}
[ $# -gt 0 ] || [ -e "$file" ] || data/fashion_mnist.py -o "$file"

unset OPENBLAS_CORETYPE # may hold BLAS back
OPENBLAS_NUM_THREADS=$threads bench/neighbours.py --queries "$queries" --threads "$threads" "$file"
