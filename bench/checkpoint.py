#!/usr/bin/python3
"""checkpoint.py: the same joins without and with checkpoints, in turns. Called by checkpoint.sh, which says more."""
import argparse

from datasets import need
from machine import alternate, describe, print_table, save

JOINS = [("S1", ["--threshold", "0.5"]), ("S2", ["--threshold", "0.5"]), ("S3", ["--threshold", "0.8"]),
         ("V1", ["--exact", "--threshold", "0.9"])]
OUT, KEPT = "build/bench/checkpoint.out", "build/bench/checkpoint.kept"
WAYS = [("as usual", []), ("each second", ["--checkpoint-every", "1"])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=1)
    o = parser.parse_args()
    mpirun = ["mpirun", "-n", str(o.ranks)] if o.ranks > 1 else []
    rows, numbers = [], []
    for name, options in JOINS:
        plain = [*mpirun, "build/lshjoin", *options, "--quiet", "--force", "-o", OUT, need(name)]
        runs = alternate([plain, *([*plain, "--checkpoint", KEPT, *more] for _, more in WAYS)], o.runs)
        numbers.append({"data": name, "runs": runs})
        rows.append([name, " ".join(options), f"{runs[0]['cpu']:.2f}", f"{runs[0]['wall']:.2f}",
                     *(f"{run[key] / runs[0][key]:.3f}" for run in runs[1:] for key in ("cpu", "wall"))])
    print(f"({describe()}, {o.ranks} rank{'s' * (o.ranks > 1)}; medians of {o.runs} runs, in turns; aim: ratios of 1.1 or less)\n")
    print_table(["data", "options", "CPU, s", "wall, s", *(f"{key}, {way}" for way, _ in WAYS for key in ("CPU", "wall"))], rows)
    save("checkpoint", {"joins": numbers})


main()
