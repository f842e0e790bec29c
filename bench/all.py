#!/usr/bin/python3
"""all.py [--runs N] [--data NAME] [TABLE ...]: the tables of `bench/run.sh --all`, which says more.

planned   sets by the plan, beside plain programs of ours (peer_exact.c, peer_minhash.c)
exact     --exact, beside peer_exact and numpy
vectors   vectors by the plan
cores     two threads, and two ranks, beside one
ranks     what 64 ranks count, beside 2
growth    CPU seconds by the number of records

CPU is user and system time of the whole process, MPI's start included; memory its peak. A peer takes turns with the join, and
the medians count. The aim is what the ratio should be; nothing depends on it. All numbers: build/bench/all-TABLE.json."""
import argparse
import json
import os
import subprocess
import sys

import numpy as np

from datasets import FASHION, RECIPES, found_pairs, need, need_binary, peer_pairs, recall, truth
from machine import alternate, describe, join, print_table, report_of, save

OUT, PEER_OUT = "build/bench/found", "build/bench/peer.pairs"
# data, threshold, the peer with its own arguments, aims of CPU and of memory
PLANNED = [
    ("S1", "0.8", ["peer_exact", "4", "5"], 0.4, None),
    ("S1", "0.5", ["peer_minhash", "0.5", "36", "4"], 0.15, None),
    ("S2", "0.8", ["peer_minhash", "0.8", "8", "6"], 0.05, 0.5),
    ("S2", "0.5", ["peer_minhash", "0.5", "75", "5"], 0.08, None),
    ("S3", "0.8", ["peer_minhash", "0.8", "8", "6"], 0.04, None),
]
VECTORS = [("V1", ["--threshold", "0.9"]), (FASHION, ["--metric", "l2", "--radius", "821"]),
           (FASHION, ["--metric", "cosine", "--threshold", "0.974"])]
GROWTH = ["S2-250k", "S2-500k", "S2", "S2-2M"]
EXACT_AIMS = {"peer_exact": 0.6, "numpy": 0.15}
CORES_AIM, GROWTH_AIM = 0.6, 1.1


def command_of(name, options, ranks=1, threads=1):
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    return [*launcher, "build/lshjoin", *options, "-t", str(threads), "--quiet", "--force", "-o", OUT, need(name)]


def peer_command(name, peer):
    return [f"build/bench/{peer[0]}", need_binary(name), *peer[1:], PEER_OUT]


def plan_of(report):
    p = report["parameters"]
    return f"{p['bands']} x {p['rows']}" + f" of {p['pool']}" * bool(p["pool"]) + f" + {p['probes']}" * bool(p["probes"])


def mb(measured):
    return f"{measured['peak'] / 1e6:.0f}"


def ratio(ours, theirs, key):
    return f"{ours[key] / theirs[key]:.3f}"


def aim(value):
    return "-" if value is None else f"{value:g}"


def planned(runs, data):
    rows, numbers = [], []
    for name, threshold, peer, cpu_aim, memory_aim in PLANNED:
        if data and not {name, f"{name} {threshold}"} & set(data):
            continue
        options = ["--threshold", threshold]
        true = truth(name, options)
        ours, theirs = alternate([command_of(name, options), peer_command(name, peer)], runs)
        report, found, of_peer = report_of(OUT), recall(found_pairs(OUT), true), recall(peer_pairs(PEER_OUT), true)
        rows.append([name, threshold, plan_of(report), f"{len(true):,}", f"{found:.4f}", f"{ours['cpu']:.2f}", peer[0], f"{of_peer:.4f}",
                     f"{theirs['cpu']:.2f}", ratio(ours, theirs, "cpu"), aim(cpu_aim), mb(ours), mb(theirs), ratio(ours, theirs, "peak"),
                     aim(memory_aim)])
        numbers.append({"data": name, "report": report, "recall": found, "peer_recall": of_peer, "lshjoin": ours, "peer": theirs})
    print("Sets, by the plan:\n")
    print_table(["data", "J", "bands x rows", "true pairs", "recall", "CPU, s", "peer", "its recall", "its CPU, s", "ratio", "aim", "MB",
                 "its MB", "ratio", "aim"], rows)
    return numbers


def numpy_join(name, threshold):
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}  # it may hold BLAS back
    run = subprocess.run(["bench/numpy_join.py", need(name), threshold], stdout=subprocess.PIPE, check=True,
                         env={**environment, "OPENBLAS_NUM_THREADS": "1"})
    return json.loads(run.stdout)


def exact(runs, _):
    sets, vectors = ["--exact", "--threshold", "0.8"], ["--exact", "--threshold", "0.9"]
    ours, theirs = alternate([command_of("S1", sets), peer_command("S1", ["peer_exact", "4", "5"])], runs)
    of_sets = report_of(OUT)
    by_numpy = numpy_join("V1", "0.9")
    own, = alternate([command_of("V1", vectors)], runs)
    of_vectors = report_of(OUT)
    print("Without hashing:\n")
    print_table(["data", "threshold", "pairs", "CPU, s", "peer", "its CPU, s", "ratio", "aim"],
                [["S1", "J 0.8", f"{of_sets['counts']['pairs']:,}", f"{ours['cpu']:.2f}", "peer_exact", f"{theirs['cpu']:.2f}",
                  ratio(ours, theirs, "cpu"), aim(EXACT_AIMS["peer_exact"])],
                 ["V1", "cosine 0.9", f"{of_vectors['counts']['pairs']:,}", f"{own['cpu']:.2f}", "numpy", f"{by_numpy['cpu']:.2f}",
                  ratio(own, by_numpy, "cpu") if by_numpy["openblas"] else "-", aim(EXACT_AIMS["numpy"])]])
    if not by_numpy["openblas"]:
        print("numpy: without OpenBLAS, which is no measure: apt-get install libopenblas0-pthread\n")
    if by_numpy["share"] < 1:
        print(f"numpy: extrapolated from {by_numpy['share']:.0%} of the products.\n")
    return {"sets": {"lshjoin": ours, "peer": theirs, "report": of_sets}, "vectors": {"lshjoin": own, "numpy": by_numpy, "report": of_vectors}}


def vectors(runs, data):
    rows, numbers = [], []
    for name, options in VECTORS:
        if data and name not in data:
            continue
        try:
            true = truth(name, options)
        except subprocess.CalledProcessError:
            print(f"{name}: left out, its data cannot be had (see data/fashion_mnist.py).\n")
            continue
        ours, = alternate([command_of(name, options)], runs)
        report, found = report_of(OUT), recall(found_pairs(OUT), true)
        rows.append([name, " ".join(options), plan_of(report), f"{len(true):,}", f"{found:.4f}", f"{ours['cpu']:.2f}", mb(ours)])
        numbers.append({"data": name, "report": report, "recall": found, "lshjoin": ours})
    print("Vectors, by the plan:\n")
    print_table(["data", "options", "bands x rows", "true pairs", "recall", "CPU, s", "MB"], rows)
    return numbers


def cores(runs, _):
    shapes, numbers, rows = {"one": {}, "two threads": {"threads": 2}, "two ranks": {"ranks": 2}}, {}, []
    for threshold in ("0.8", "0.5"):
        commands = [command_of("S2", ["--threshold", threshold], **shape) for shape in shapes.values()]
        numbers[threshold] = measured = dict(zip(shapes, alternate(commands, runs)))
        rows += [[threshold, shape, f"{m['wall']:.2f}", ratio(m, measured["one"], "wall"), aim(None if shape == "one" else CORES_AIM),
                  f"{m['cpu']:.2f}"] for shape, m in measured.items()]
    print("S2, on two cores:\n")
    print_table(["J", "", "wall, s", "ratio", "aim", "CPU, s"], rows)
    return numbers


def ranks(*_):
    options, counts = ["--threshold", "0.8", "-t", "1"], {}
    for n in 2, 64:
        counts[n] = join(["mpirun", "-n", str(n), "build/lshjoin"], options, [need("S1")], OUT)["counts"]
    print("S1, J 0.8, what all ranks count together (all that is counted is in the file of all numbers):\n")
    print_table(["", "2 ranks", "64 ranks", "ratio"],
                [[name.replace("_", " "), f"{counts[2][name]:,}", f"{counts[64][name]:,}", f"{counts[64][name] / max(1, counts[2][name]):.3f}"]
                 for name in ("hash_values", "bytes_sent", "candidate_copies", "candidates", "pairs") if name in counts[2]])
    return counts


def growth(runs, _):
    options = ["--threshold", "0.8"]
    measured = alternate([command_of(name, options) for name in ["start", *GROWTH]], runs)
    start, n = measured[0]["cpu"], [RECIPES[name][1] for name in GROWTH]
    seconds = [max(m["cpu"] - start, 1e-3) for m in measured[1:]]
    exponent = np.polyfit(np.log(n), np.log(seconds), 1)[0]
    print(f"Sets of S2's recipe, J 0.8, CPU seconds beyond those of a join of 100 sets ({start:.2f}):\n")
    print_table(["sets", "CPU, s", "ns a set", "MB"],
                [[f"{rows:,}", f"{s:.2f}", f"{1e9 * s / rows:,.0f}", mb(m)] for rows, s, m in zip(n, seconds, measured[1:])])
    print(f"They grow as the number of sets to the {exponent:.3f} (by least squares; aim {GROWTH_AIM}).\n")
    return {"start": start, "rows": n, "seconds": seconds, "exponent": exponent, "measured": measured}


TABLES = {table.__name__: table for table in (planned, exact, vectors, cores, ranks, growth)}


def main():
    parser = argparse.ArgumentParser(prog="bench/run.sh --all", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", action="append", metavar="NAME", help="of planned and vectors only the rows of that data set, or of one threshold, as in 'S2 0.5'")
    parser.add_argument("tables", nargs="*", metavar="TABLE")
    args = parser.parse_args()
    unknown = set(args.tables) - set(TABLES)
    if unknown:
        parser.error(f"no such table: {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
    print(describe(), f"medians of {args.runs} runs, in turns", sep="; ")
    print()
    sys.stdout.reconfigure(line_buffering=True)  # a table is there when it is made
    for name in args.tables or TABLES:
        save(f"all-{name}", {"runs": args.runs, "rows": TABLES[name](args.runs, args.data)})
        print()


if __name__ == "__main__":
    main()
