#!/usr/bin/python3
"""index.py: what a join of new records with an index of old ones costs. 990,000 sets of 1,000,000 are old; a run of the others with
their index, beside the whole join, in turns. Called by run.sh."""
import argparse
import os
import subprocess

import h5py

from datasets import HOME, need
from machine import alternate, describe, print_table, report_of, save

NEW, AIM = 10_000, 0.1


def make():
    """S2's first sets, and its last ones."""
    paths = [f"{HOME}/S2-old.h5", f"{HOME}/S2-new.h5"]
    if not all(map(os.path.exists, paths)):
        with h5py.File(need("S2")) as file:
            indptr, elements = file["sets/indptr"][:], file["sets/indices"]
            border = len(indptr) - 1 - NEW
            for path, lo, hi in ((paths[0], 0, border), (paths[1], border, len(indptr) - 1)):
                with h5py.File(path + ".part", "w") as part:
                    part["sets/indptr"] = indptr[lo:hi + 1] - indptr[lo]
                    part["sets/indices"] = elements[indptr[lo]:indptr[hi]]
                os.rename(path + ".part", path)
    return paths


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh --index", description="What a join with an index costs.")
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    (old, new), rows, numbers = make(), [], {}
    for threshold in ("0.8", "0.5"):
        index, outs = f"{HOME}/S2-index-{threshold}", [f"{HOME}/new", f"{HOME}/whole"]
        plan = ["--threshold", threshold, "--recall", "0.98"]
        subprocess.run(["build/lshjoin", *plan, "--save-index", index, "--no-print", "--quiet", "--force", old], check=True)
        common = ["--quiet", "--force", "-o"]
        commands = [["build/lshjoin", "--index", index, *common, outs[0], new],
                    ["build/lshjoin", *plan, *common, outs[1], need("S2")]]
        measured = alternate(commands, runs)
        ratio = measured[0]["cpu"] / measured[1]["cpu"]
        pairs = [report_of(out)["counts"]["pairs"] for out in outs]
        size = os.path.getsize(f"{index}/index.h5")
        rows.append([threshold, f"{pairs[0]:,}", f"{pairs[1]:,}", f"{measured[0]['cpu']:.3f}", f"{measured[1]['cpu']:.2f}", f"{ratio:.3f}", f"{AIM}",
                     f"{size / 1e6:.0f}"])
        numbers[threshold] = {"runs": measured, "ratio": ratio, "pairs": pairs, "bytes": size}
    print(describe(), "\n")
    print_table(["J", "pairs of new", "of all", "CPU, s", "of all", "ratio", "aim", "index, MB"], rows)
    save("index", numbers)


if __name__ == "__main__":
    main()
