#!/usr/bin/python3
"""lsh_rs_shape.py: seconds of self-joins of 32,000 x 768 vectors at the k (rows) and L (bands) at which lsh-rs was timed, and
the rate of the projections against BLAS. Called by lsh_rs_shape.sh. All numbers: build/bench/lsh-rs-shape.json.

The vectors are made here, the same every time: 3,200 clusters of 10 unit vectors around Gaussian centres; two of a cluster
have a cosine of some a, drawn for each cluster from (0.5, 1), two of different clusters of some 0. Both metrics keep the same
pairs: those of cosine 0.8 or more, for unit vectors the same as those at most sqrt(0.4) apart."""
import json
import math
import os
import subprocess
import time

import h5py
import numpy as np

from machine import describe, join, print_table

N, WIDTH, CLUSTER, THRESHOLD = 32000, 768, 10, 0.8
SHAPES = ((15, 5), (15, 20), (30, 20))
METRICS = {"cosine": ["--threshold", str(THRESHOLD)], "l2": ["--radius", f"{math.sqrt(2 - 2 * THRESHOLD):.6f}"]}
RUNS, TURNS = 3, 5
DATA, OUT = "build/bench/lsh-rs-shape.h5", "build/bench/lsh-rs-shape"
FIT, QUERY = (0.7, 8), (2.4, 14)  # seconds of lsh-rs, measured elsewhere: least and most over k15 L5 and k30 L20


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def make_data():
    r = np.random.default_rng(0)
    centres = unit(r.standard_normal((N // CLUSTER, 1, WIDTH), np.float32))
    noise = unit(r.standard_normal((N // CLUSTER, CLUSTER, WIDTH), np.float32))
    a = r.uniform(0.5, 1, (N // CLUSTER, 1, 1)).astype(np.float32)
    x = unit(np.sqrt(a) * centres + np.sqrt(1 - a) * noise).reshape(N, WIDTH)
    return x[r.permutation(N)]  # members of a cluster don't stand together


def joins(program):
    """{(metric, k, L): the run that took the least CPU}: on a shared machine the one least disturbed."""
    best = {}
    for metric, options in METRICS.items():
        for k, l in SHAPES:
            arguments = ["-b", str(l), "-r", str(k), "--metric", metric, *options]
            runs = [join(program, arguments, [DATA], OUT) for _ in range(RUNS)]
            best[metric, k, l] = min(runs, key=lambda run: run["cpu"])
    return best


def sgemm_seconds(x, directions):
    """CPU seconds of the same product by BLAS, which gets both factors as they lie best for it."""
    other = np.random.default_rng(1).standard_normal((x.shape[1], directions), np.float32)
    out = np.empty((len(x), directions), np.float32)
    start = time.process_time()
    np.matmul(x, other, out=out)
    return time.process_time() - start


def rates(program, x):
    """[(directions, GFLOP/s of project_rows, of sgemm, instructions)]; turns are taken, so that both see the same machine."""
    result = []
    for directions in sorted({k * l for k, l in SHAPES}):
        own, blas = [], []
        for _ in range(TURNS):
            simd, seconds = subprocess.run([program, str(N), str(WIDTH), str(directions)], check=True, capture_output=True,
                                           text=True).stdout.split()
            own.append(float(seconds))
            blas.append(min(sgemm_seconds(x, directions) for _ in range(3)))
        work = 2e-9 * N * WIDTH * directions
        result.append((directions, work / min(own), work / min(blas), simd))
    return result


def blas_name():
    path = os.path.realpath("/etc/alternatives/libblas.so.3-x86_64-linux-gnu")
    return "OpenBLAS" if "openblas" in path else f"{path}, which is not OpenBLAS: apt-get install libopenblas0-pthread"


def main():
    x = make_data()
    with h5py.File(DATA, "w") as file:
        file["vectors"] = x
    best = joins("build/lshjoin")
    measured = rates("build/bench/project_rate", x)

    print(describe())
    print(f"{N:,} x {WIDTH} float32, self-join of one rank and one thread, pairs of cosine {THRESHOLD} or more (l2: the same pairs), "
          f"of {RUNS} runs the one of least CPU time; `process` (wall) and `CPU` hold the start and end of MPI too\n")
    stages = list(next(iter(best.values()))["seconds"])
    head = ["metric", "k", "L", *[f"{s}, s" for s in stages], "process, s", "CPU, s", "candidates", "pairs"]
    print_table(head, [[metric, str(k), str(l), *[f"{run['seconds'][s]:.2f}" for s in stages], f"{run['elapsed']:.2f}", f"{run['cpu']:.2f}",
                        f"{run['counts']['candidates']:,}", f"{run['counts']['pairs']:,}"] for (metric, k, l), run in best.items()])
    print("lsh-rs, measured elsewhere on one core of this kind of machine with the same N and dimension, at k15 L5 and k30 L20, "
          f"without BLAS and without verification: {FIT[0]} to {FIT[1]} s to fit and {QUERY[0]} to {QUERY[1]} s to query. "
          f"A tenth of both: {(FIT[0] + QUERY[0]) / 10:.2f} to {(FIT[1] + QUERY[1]) / 10:.2f} s.\n")
    print(f"Projections, {N:,} x {WIDTH} by {WIDTH} x directions, one core, GFLOP/s of CPU time; sgemm of {blas_name()}:\n")
    print_table(["directions", f"project_rows ({measured[0][3]})", "sgemm", "ratio"],
                [[str(d), f"{own:.1f}", f"{blas:.1f}", f"{own / blas:.2f}"] for d, own, blas, _ in measured])
    with open(f"{OUT}.json", "w") as file:
        json.dump({"machine": describe(), "rows": N, "dimension": WIDTH, "joins": list(best.values()),
                   "projections": [dict(zip(("directions", "project_rows", "sgemm", "simd"), m)) for m in measured]}, file, indent=1)


if __name__ == "__main__":
    main()
