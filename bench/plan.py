#!/usr/bin/python3
"""plan.py FILE.h5[:/path] THRESHOLD ...: the plan's forecast beside the run's facts, and its recall beside --exact.

A threshold above 1 is a radius. Called by plan.sh, which says more."""
import argparse
import os

import h5py
import numpy as np

from machine import describe, join, print_table

OUT = "build/bench/plan"


def make(path, rows=100_000, words=200_000):
    """Sets of some 60 words, frequent and rare ones as in texts (Zipf); one in twenty is a changed copy of another."""
    rng = np.random.default_rng(1)
    rank = np.arange(1, words + 1)
    weight = np.cumsum(1 / (rank + 20))
    sets = []
    for k in range(rows):
        if k > 100 and k % 20 == 0:
            copy = sets[rng.integers(k)]
            kept = copy[rng.random(len(copy)) > rng.uniform(0, 0.4)]
            new = np.searchsorted(weight, rng.random(len(copy) - len(kept)) * weight[-1])
            sets.append(np.unique(np.concatenate([kept, new])))
        else:
            sets.append(np.unique(np.searchsorted(weight, rng.random(rng.integers(20, 120)) * weight[-1])))
    with h5py.File(path, "w") as file:
        file["sets/indptr"] = np.cumsum([0] + [len(s) for s in sets])
        file["sets/indices"] = np.concatenate(sets).astype(np.uint32)


def measure(args, name, threshold):
    limit = ["--radius" if float(threshold) > 1 else "--threshold", threshold]
    report = join(args.program, [*limit], [name], f"{OUT}/found")
    exact = join(args.program, [*limit, "--exact"], [name], f"{OUT}/exact")
    plan, counts, parameters = report["plan"], report["counts"], report["parameters"]
    seconds = sum(v for k, v in report["seconds"].items() if k not in ("total", "plan"))
    pool = f" of {parameters['pool']}" if parameters["pool"] else ""
    probes = f" + {parameters['probes']}" if parameters["probes"] else ""

    def beside(expected, fact, unit=1):
        return f"{expected / unit:,.{2 * (unit > 1)}f} / {fact / unit:,.{2 * (unit > 1)}f}"

    return [os.path.basename(name), threshold, f"{parameters['bands']} x {parameters['rows']}{pool}{probes}",
            f"{plan['recall_at_threshold']:.3f}", f"{plan['recall_above_threshold']:.3f} / {counts['pairs'] / max(1, exact['counts']['pairs']):.3f}",
            beside(plan["candidates"], counts["candidates"]), f"{plan['candidates'] / max(1, counts['candidates']):.2f}",
            beside(plan["peak_memory_bytes"], report["peak_memory_bytes"], 1e6),
            f"{plan['peak_memory_bytes'] / report['peak_memory_bytes']:.2f}",
            f"{sum(plan['core_seconds'].values()) / args.ranks:.2f} / {seconds:.2f}", f"{report['seconds']['plan']:.2f}",
            f"{exact['seconds']['total']:.2f}"]


def main():
    parser = argparse.ArgumentParser(description="The planner's forecast beside the facts.")
    parser.add_argument("--make", metavar="FILE", help="only make up sets")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--program", default="build/lshjoin")
    parser.add_argument("runs", nargs="*", metavar="FILE.h5[:/path] THRESHOLD")
    args = parser.parse_args()
    if args.make:
        return make(args.make)
    if args.ranks > 1:
        args.program = ["mpirun", "-n", str(args.ranks), args.program]
    print(describe(), f"{args.ranks} rank{'s'[:args.ranks > 1]}; forecast / fact", sep="; ")
    print()
    rows = [measure(args, name, threshold) for name, threshold in zip(args.runs[::2], args.runs[1::2])]
    print_table(["data", "threshold", "bands x rows", "recall at it", "recall above", "candidates", "ratio", "memory, MB", "ratio",
                 "join, s", "planning, s", "--exact, s"], rows)


if __name__ == "__main__":
    main()
