#!/usr/bin/python3
"""shapes.py: seconds per stage of one join in several shapes, ranks x threads, side by side. Called by run.sh."""
import argparse
import shlex

from datasets import DESCRIPTIONS, need
from machine import describe, join, print_table, save

SHAPES = [(1, 1), (1, 2), (2, 1), (4, 1)]


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh --shapes", description="One join in several shapes.")
    parser.add_argument("-b", "--bands", default="20")
    parser.add_argument("-r", "--rows", default="5")
    parser.add_argument("-s", "--threshold", default="0.8")
    parser.add_argument("file", nargs="?", metavar="FILE.h5[:/path]")
    args = parser.parse_args()
    options = ["-b", args.bands, "-r", args.rows, "--threshold", args.threshold]
    runs = [join(["mpirun", "-n", str(ranks), "build/lshjoin"], [*options, "-t", str(threads)], [args.file or need(DESCRIPTIONS)],
                 f"build/bench/{ranks}x{threads}") for ranks, threads in SHAPES]
    print(describe())
    print(shlex.join(runs[0]["command"]), "\n")
    rows = [[f"{stage}, s", *[f"{run['seconds'][stage]:.2f}" for run in runs]] for stage in runs[0]["seconds"]]
    rows.append(["peak memory a rank, MB", *[f"{run['peak_memory_bytes'] / 1e6:.0f}" for run in runs]])
    rows += [[count, *[f"{run['counts'][count]:,}" for run in runs]] for count in ("records", "candidates", "pairs")]
    print_table(["", *[f"{ranks} rank{'s'[:ranks > 1]} x {threads}" for ranks, threads in SHAPES]], rows)
    save("shapes", {"runs": runs})


if __name__ == "__main__":
    main()
