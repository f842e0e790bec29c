#!/usr/bin/python3
"""stages.py: each stage of a join beside what this machine can do of the same work. Called by run.sh, which says more.

A limit is measured by a small program in the same run (limit_*.c): on one core, and then divided by the cores that the join
uses, but for MPI_Alltoallv, which all ranks call. A stage that is not known here is shown without one."""
import argparse
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass

import h5py
import numpy as np

from datasets import DESCRIPTIONS, need
from machine import alternate, describe, join, print_table, save

OUT = "build/bench/found"
TUPLE, PAIR = 12, 16  # bytes: a key and a row; two row numbers


@dataclass
class Work:
    amount: float
    unit: str
    alone: list  # commands of limit programs, which together do the same work
    by_all: list  # the same, that all ranks run together
    what: str


def parts_of(inputs):
    """(bytes of the records in their files, bytes of an item)"""
    size, item = 0, 0
    for one in inputs:
        with h5py.File(one["file"]) as file:
            object = file[one["object"]]
            parts = [object] if isinstance(object, h5py.Dataset) else [object["indptr"], object["indices"]]
            size, item = size + sum(int(part.size) * part.dtype.itemsize for part in parts), max(item, parts[-1].dtype.itemsize)
    return size, item


def longest(one):
    """Items of the longest record of an input."""
    with h5py.File(one["file"]) as file:
        object = file[one["object"]]
        return int(object.shape[-1] if isinstance(object, h5py.Dataset) else max(np.diff(object["indptr"][:]), default=0))


def read(report):
    size, _ = parts_of(report["inputs"])
    return Work(size, "B/s", [["limit_file", "read", report["inputs"][0]["file"], size]], [], "pread of the same bytes")


def sign(report):
    p, records = report["parameters"], report["counts"]["records"]
    _, item = parts_of(report["inputs"])
    is_set = report["inputs"][0]["kind"] != "dense"
    items = max(1, round(report["counts"]["elements"] / max(1, records)))
    numbers = [p["bands"], p["rows"], p["pool"], p["probes"], p.get("symbol_bits", 0),
               max(map(longest, report["inputs"])), p.get("width", 0)]
    width = item if is_set else max(4, item)  # vectors of bytes or halves are held in single precision
    return Work(report["counts"]["hash_values"], "hash values/s", [["limit_hash", p["metric"], records, items, width, *numbers]], [],
                "the signer alone, in cache")


def exchange(report):
    counts, ranks = report["counts"], report["ranks"]
    rows = counts["tuples"] // max(1, report["parameters"]["bands"])
    by_all = [["limit_exchange", counts["tuples"] * TUPLE * (ranks - 1) // ranks]] if ranks > 1 else []
    return Work(counts["tuples"], "tuples/s", [["limit_memory", "partition", counts["tuples"], rows]], by_all,
                "a partition alone" + " + MPI_Alltoallv" * bool(by_all))


def group(report):
    tuples = report["counts"]["tuples"]
    return Work(tuples, "tuples/s", [["limit_memory", "copy", tuples * TUPLE]], [], "memcpy of the tuples")


def candidates(report):
    pairs = report["counts"].get("candidate_copies", report["counts"]["candidates"])
    return Work(pairs, "pairs/s", [["limit_memory", "copy", pairs * PAIR]], [], "memcpy of the pairs")


def verify(report):
    size, _ = parts_of(report["inputs"])
    pairs = report["counts"]["candidates"]
    each = 2 * size // max(1, report["counts"]["records"])
    return Work(pairs, "pairs/s", [["limit_memory", "copy", pairs * each]], [], "memcpy of both rows")


def write(report):
    size = sum(os.path.getsize(f"{OUT}/{name}") for name in report["files"])
    return Work(size, "B/s", [["limit_file", "write", f"{OUT}/.limit", size]], [], "write of the same bytes")


WORK = {"read": read, "sign": sign, "exchange": exchange, "group": group, "candidates": candidates, "verify": verify, "write": write}


def seconds_of(command, launcher=()):
    run = subprocess.run([*launcher, f"build/bench/{command[0]}", *map(str, command[1:])], stdout=subprocess.PIPE, text=True)
    return float(run.stdout) if run.returncode == 0 else sys.exit("failed: " + " ".join(map(str, command)))


def limit_seconds(work, report):
    cores = min(report["ranks"] * report["threads"], os.cpu_count())
    return sum(map(seconds_of, work.alone)) / cores + sum(seconds_of(c, ["mpirun", "-n", str(report["ranks"])]) for c in work.by_all)


def rate(value, unit):
    for letter, size in ("G", 1e9), ("M", 1e6), ("k", 1e3):
        if value >= size:
            return f"{value / size:.3g} {letter}{unit}" if unit == "B/s" else f"{value / size:.3g} {letter} {unit}"
    return f"{value:.3g} {unit}"


def stage_row(stage, report):
    """(cells of the table, numbers to keep)"""
    seconds = report["seconds"][stage]
    cells, numbers = [stage, f"{seconds:.3f}", f"{seconds / report['seconds']['total']:.0%}"], {"seconds": seconds}
    work = WORK[stage](report) if stage in WORK else None
    if not work or not work.amount or seconds <= 0:
        return cells + ["-"] * 4, numbers
    limit = max(limit_seconds(work, report), 1e-9)
    numbers |= {"amount": work.amount, "unit": work.unit, "limit": work.what, "limit_seconds": limit}
    return [*cells, rate(work.amount / seconds, work.unit), rate(work.amount / limit, work.unit), work.what, f"{limit / seconds:.2f}"], numbers


def print_stages(report):
    rows, numbers = [], {}
    for stage in report["seconds"]:
        if stage != "total":
            cells, numbers[stage] = stage_row(stage, report)
            rows.append(cells)
    rows.append(["total", f"{report['seconds']['total']:.3f}", "100%", *["-"] * 4])
    print_table(["stage", "s", "share", "rate", "this machine's", "by", "ratio"], rows)
    return numbers


def print_beside(ours, theirs, runs):
    print(f"Beside `{shlex.join(theirs['command'])}`: medians of {runs} runs each, in turns.\n")
    units = {"wall": ("wall, s", 1), "cpu": ("CPU, s", 1), "peak": ("peak memory, MB", 1e6)}
    print_table(["", "lshjoin", "the other", "ratio"],
                [[name, f"{ours[key] / unit:.2f}", f"{theirs[key] / unit:.2f}", f"{ours[key] / max(theirs[key], 1e-9):.3f}"]
                 for key, (name, unit) in units.items()])


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh", description="Each stage of a join beside what this machine can do.")
    parser.add_argument("-n", "--ranks", type=int, default=1)
    parser.add_argument("-t", "--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--vs", metavar="COMMAND", help="another program to run beside it, in turns")
    parser.add_argument("file", nargs="?", metavar="FILE.h5[:/path]", help="default: Debian's package descriptions")
    parser.add_argument("options", nargs=argparse.REMAINDER, metavar="...", help="options of lshjoin (default: --threshold 0.8)")
    args = parser.parse_args()
    options = [o for o in args.options if o != "--"] or ["--threshold", "0.8"]
    data = args.file or need(DESCRIPTIONS)
    program = [*(["mpirun", "-n", str(args.ranks)] if args.ranks > 1 else []), "build/lshjoin"]
    options += ["-t", str(args.threads)]

    reports = sorted((join(program, options, [data], OUT) for _ in range(args.runs)), key=lambda r: r["seconds"]["total"])
    report = reports[len(reports) // 2]
    print(describe(), f"{report['ranks']} rank{'s'[:report['ranks'] > 1]} x {report['threads']}", sep="; ")
    print(shlex.join(report["command"]))
    print(f"of {args.runs} runs the one of the median time: {report['counts']['pairs']:,} pairs, CPU {report['cpu']:.2f} s, "
          f"{report['peak_memory_bytes'] / 1e6:.0f} MB\n")
    numbers = {"report": report, "stages": print_stages(report)}
    if args.vs:
        own = [*program, *options, "--quiet", "--force", "-o", OUT, data]
        ours, theirs = alternate([own, shlex.split(args.vs)], args.runs)
        print_beside(ours, theirs, args.runs)
        numbers |= {"lshjoin": ours, "other": theirs}
    save("stages", numbers)


if __name__ == "__main__":
    main()
