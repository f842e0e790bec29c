#!/bin/bash
# From a fresh clone to a first result: installs what is missing, builds, and joins real data with itself on two MPI ranks.
set -euo pipefail
cd "$(dirname "$0")/.."

data=data/debian-slice.h5
out=build/quickstart

echo "== 1. Packages"
jobs/install-packages.sh
. jobs/mpi-env.sh

echo "== 2. Build (into build/)"
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF
cmake --build build --parallel "$(nproc)"

echo
echo "== 3. Join: which of 7,000 Debian package descriptions say nearly the same?"
cat <<END
Each description is a set of word 3-shingles (all runs of three consecutive words). Similar means a Jaccard similarity
of 0.8 or more: of all shingles that two texts have, they share 80%. Comparing each with each would be 24 million
comparisons. lshjoin plans from a sample of the records: how many bands of how many hash values find such a pair with a
probability of 95% or more at the least work; only pairs that agree in a whole band are compared.

END
rm -rf "$out" # of an earlier run
join=(mpirun -n 2 build/lshjoin --threshold 0.8 -o "$out" "$data")
echo "\$ ${join[*]}"
"${join[@]}"

echo
echo "== 4. What it found"
data/show_pairs.py "$out" "$data"

cat <<END

The pairs are in $out/pairs.h5 (rows 'left' and 'right', and their 'similarity'), the run's figures in $out/run.json.
More of them: data/show_pairs.py $out $data --top 20
END
