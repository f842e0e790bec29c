#!/usr/bin/python3
"""duplicates.py: what identical sets cost. 1,000,000 sets, 100,000 of them identical, beside the same without those, in turns.
Called by run.sh."""
import argparse
import os

import h5py
import numpy as np

from datasets import HOME, need
from machine import alternate, describe, print_table, report_of, save

IDENTICAL, AIM = 100_000, 2


def write(path, indptr, elements, rows):
    """Those rows, in that order."""
    lengths = indptr[rows + 1] - indptr[rows]
    begin = np.concatenate([[0], np.cumsum(lengths)])
    with h5py.File(path + ".part", "w") as file:
        file["sets/indptr"] = begin
        file["sets/indices"] = elements[np.arange(begin[-1]) + np.repeat(indptr[rows] - begin[:-1], lengths)]
    os.rename(path + ".part", path)


def make():
    """S2 with one row in the places of 100,000 others; and without these."""
    paths = [f"{HOME}/S2-identical.h5", f"{HOME}/S2-without.h5"]
    if not all(map(os.path.exists, paths)):
        with h5py.File(need("S2")) as file:
            indptr, elements = file["sets/indptr"][:].astype("i8"), file["sets/indices"][:]
        rows = np.arange(len(indptr) - 1)
        chosen = np.sort(np.random.default_rng(3).choice(rows, IDENTICAL, replace=False))
        rows[chosen] = chosen[0]
        write(paths[0], indptr, elements, rows)
        write(paths[1], indptr, elements, np.delete(rows, chosen[1:]))
    return paths


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh --duplicates", description="What identical sets cost.")
    parser.add_argument("-n", "--ranks", default="1")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    outs = [f"{HOME}/with", f"{HOME}/without"]
    start = ["mpirun", "-n", args.ranks] if args.ranks != "1" else []
    commands = [[*start, "build/lshjoin", "--threshold", "0.8", "--duplicates", "groups", "--quiet", "--force", "-o", out, path]
                for out, path in zip(outs, make())]
    runs = alternate(commands, args.runs)
    ratio = runs[0]["cpu"] / runs[1]["cpu"]
    print(describe(), "\n")
    counts = [report_of(out)["counts"] for out in outs]
    print_table(["sets", "of them duplicates", "candidates", "pairs", "CPU, s", "MB"],
                [[*[f"{c[what]:,}" for what in ("records", "duplicates", "candidates", "pairs")], f"{run['cpu']:.2f}", f"{run['peak'] / 1e6:.0f}"]
                 for c, run in zip(counts, runs)])
    print(f"CPU seconds with the identical sets by those without: {ratio:.2f} (aim: at most {AIM})")
    save("duplicates", {"runs": runs, "ratio": ratio})


if __name__ == "__main__":
    main()
