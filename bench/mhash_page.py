#!/usr/bin/python3
"""mhash_page.py: the S-curves of the page of mhash, theory and experiment, and its tables of time and peak memory.
Called by mhash_page.sh, which says more. Pictures and all numbers: build/bench/mhash_page/.

The data sets are made here, the same every time: of each set p is uniform in (0, 1), and each of F features is in it
with probability p. Time and memory are those of the self-join of the text on standard input that prints no pairs, as on
the page; both are of the process from start to end, for lshjoin with the start of MPI, and beside that the seconds that
the join says of itself."""
import argparse
import json
import os
import subprocess
import sys
from statistics import median

import h5py
import numpy as np

from machine import describe, print_table

OUT = "build/bench/mhash_page"
DATA = {"f96-n1000": (96, 1000), "f480-n4000": (480, 4000)}
SETTINGS = ((24, 5), (20, 6), (15, 8), (12, 10), (10, 12), (8, 15), (6, 20), (5, 24))
BINS = 50
LSHJOIN = "build/lshjoin"


def make_data(name, features, n):
    """Writes NAME.h5 and, the same as text, NAME.csv."""
    rng = np.random.default_rng(features)
    member = rng.random((n, features)) < rng.random((n, 1))
    sets = [np.flatnonzero(row) for row in member]
    with h5py.File(f"{OUT}/{name}.h5", "w") as file:
        file["sets/indptr"] = np.cumsum([0] + [len(s) for s in sets])
        file["sets/indices"] = np.concatenate(sets).astype(np.uint32)
    with open(f"{OUT}/{name}.csv", "w") as file:
        file.write(f"{n},{member.sum()},{features}\n")
        file.writelines(",".join(map(str, [len(s), *s])) + "\n" for s in sets)


def draw(name, seeds):
    """Draws the curves' picture and writes their table, as Markdown. Returns their numbers."""
    settings = [option for b, r in SETTINGS for option in ("-b", str(b), "-r", str(r))]
    command = ["src/lsheval", "--curve", f"{OUT}/{name}.h5", *settings, "--seeds", str(seeds), "--bins", str(BINS),
               "--plot", f"{OUT}/{name}.png", "--json", f"{OUT}/{name}.json", "--lshjoin", LSHJOIN]
    with open(f"{OUT}/{name}.md", "w") as table:
        if subprocess.run(command, stdout=table).returncode:
            sys.exit("failed: " + " ".join(command))
    with open(f"{OUT}/{name}.json") as file:
        return json.load(file)


def print_curves(curves):
    """How far experiment and theory are apart in the worst bin of each setting."""
    rows = []
    for s in curves["settings"]:
        found, law = np.array(s["found"]), np.array(s["law"])
        worst = abs(found - law).argmax()
        bin = curves["bins"][worst]
        rows.append([f"{s['bands']} x {s['rows']}", f"{bin['from']:.2f} to {bin['to']:.2f}", f"{bin['pairs']:,}",
                     f"{found[worst]:.4f}", f"{law[worst]:.4f}", f"{found[worst] - law[worst]:+.4f}",
                     f"{s['error'][worst]:.4f}" if s["error"] else "-"])
    print_table(["b x r", "similarity", "pairs", "found", "by the law", "difference", "standard error"], rows)


def measure(command, name):
    """(wall seconds, peak memory in bytes) of a process."""
    with open(f"{OUT}/{name}.csv") as text:
        run = subprocess.run(["build/bench/measure", *command], stdin=text, stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("failed: " + " ".join(command))
    seconds, peak, _ = run.stdout.split()
    return float(seconds), int(peak)


def measure_lshjoin(options, threads, name):
    seconds, peak = measure([LSHJOIN, *options, "-t", str(threads), "--quiet", "--force", "-o", f"{OUT}/run"], name)
    with open(f"{OUT}/run/run.json") as file:
        report = json.load(file)
    return {"process": seconds, "join": report["seconds"]["total"], "peak": peak, "pairs": report["counts"]["pairs"]}


def measure_mhash(program, options, threads, name):
    seconds, peak = measure([program, *options, "-t", str(threads)], name)
    return {"process": seconds, "peak": peak}


def medians(runs):
    return {key: median(run[key] for run in runs) for key in runs[0]}


def measure_setting(args, name, bands, rows):
    """{(program, threads): medians}; turns are taken, so that all see the same machine."""
    runs = {}
    for seed in range(args.runs):
        options = ["-b", str(bands), "-r", str(rows), "-s", str(seed + 1), "-E", "--no-print"]
        for threads in (1, 2):
            runs.setdefault(("lshjoin", threads), []).append(measure_lshjoin(options, threads, name))
            if args.mhash:
                runs.setdefault(("mhash", threads), []).append(measure_mhash(args.mhash, options, threads, name))
    return {key: medians(r) for key, r in runs.items()}


def print_measured(measured):
    """One table of seconds, one of memory: a line for each setting."""
    programs = sorted(next(iter(measured.values())))
    head = [f"{program} -t {threads}" for program, threads in programs]
    setting = lambda at: [f"{at[0]} x {at[1]}", f"{measured[at]['lshjoin', 1]['pairs']:,.0f}"]
    joins = [key for key in programs if key[0] == "lshjoin"]
    seconds = [f"{h}, s" for h in head] + [f"of that the join -t {threads}, s" for _, threads in joins]
    print_table(["b x r", "pairs", *seconds],
                [[*setting(at), *[f"{m[p]['process']:.3f}" for p in programs], *[f"{m[p]['join']:.3f}" for p in joins]]
                 for at, m in measured.items()])
    print_table(["b x r", "pairs", *[f"{h}, MB" for h in head]],
                [[*setting(at), *[f"{m[p]['peak'] / 1e6:.1f}" for p in programs]] for at, m in measured.items()])


def main():
    parser = argparse.ArgumentParser(description="The page of mhash made again.")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mhash", metavar="PATH")
    args = parser.parse_args()
    os.makedirs(OUT, exist_ok=True)
    print(describe(), "\n")
    result = {"machine": describe(), "runs": args.runs}
    for name, (features, n) in DATA.items():
        print(f"## F = {features}, N = {n}\n")
        make_data(name, features, n)
        curves = draw(name, args.seeds)
        print(f"Share of pairs found, the mean of {args.seeds} seeds, in the bin of each curve that is farthest from "
              f"its law (the others: {OUT}/{name}.md):\n")
        print_curves(curves)
        measured = {(b, r): measure_setting(args, name, b, r) for b, r in SETTINGS}
        print(f"Time and peak memory, the median of {args.runs} runs, each with a seed of its own:\n")
        print_measured(measured)
        result[name] = {"curves": curves, "measured": [
            {"bands": b, "rows": r, "program": program, "threads": threads, **numbers}
            for (b, r), m in measured.items() for (program, threads), numbers in m.items()]}
    with open(f"{OUT}/mhash_page.json", "w") as file:
        json.dump(result, file, indent=1)
    print(f"Pictures: {', '.join(f'{OUT}/{name}.png' for name in DATA)}; all numbers: {OUT}/mhash_page.json")


if __name__ == "__main__":
    main()
