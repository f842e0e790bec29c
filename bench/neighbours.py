#!/usr/bin/python3
"""neighbours.py FILE.h5[:/path]: recall of the true nearest neighbour, candidates and seconds for the k, L and probes of
floky's page. Called by neighbours.sh, which says more.

As on that page, distances are scaled so that R = 1, R being the mean distance over 2.5, and a bucket is 4 R wide. What the
page calls k, L and collisions are here rows, bands and candidates. `fit` is the time of lshjoin's stages read, sign,
exchange and group, `query` that of candidates, verify and write, of all queries together. That is not quite the page's line
between them: queries are hashed, and their probes made, in `fit`, since a join takes both inputs through every stage.

Writes neighbours.json (all numbers) and neighbours.png to build/bench/neighbours/, where it also keeps the truth."""
import argparse
import hashlib
import json
import math
import os
import time

import h5py
import numpy as np

from machine import describe, join, print_table

OUT = "build/bench/neighbours"
FIT, QUERY = ("read", "sign", "exchange", "group"), ("candidates", "verify", "write")
KS, LS, PROBES, PROBED_L = (15, 30), (5, 10, 15, 20, 50, 100), (10, 20, 50, 100), 5
WIDTH = 4


def load(name, n):
    """(data, queries, whether the queries are the data's first rows)"""
    path, _, inside = name.partition(":")
    with h5py.File(path) as file:
        found = []
        file.visititems(lambda at, object: found.append(at) if getattr(object, "ndim", 0) == 2 else None)
        at = inside.strip("/") or ("train" if "train" in found else found[0])
        beside = os.path.join(os.path.dirname(at), "test")
        own = beside not in file or beside == at
        return file[at][:], (file[at] if own else file[beside])[:n], own


def distances(queries, data, own, block=4096):
    """Yields (first column, distances [queries, block]) in double precision, infinite between a query and itself."""
    queries = queries.astype(np.float64)
    squares = np.einsum("ij,ij->i", queries, queries)[:, None]
    for first in range(0, len(data), block):
        part = data[first:first + block].astype(np.float64)
        square = squares - 2 * (queries @ part.T) + np.einsum("ij,ij->i", part, part)
        if own:
            same = np.arange(first, min(first + len(part), len(queries)))
            square[same, same - first] = np.inf
        yield first, np.sqrt(np.maximum(square, 0))


def truth(name, data, queries, own):
    """Distance of each query to its nearest neighbour, mean distance, seconds of this exact search; kept for the next time."""
    status = os.stat(name.partition(":")[0])
    key = hashlib.sha256(repr((os.path.abspath(name), status.st_size, status.st_mtime_ns, len(queries))).encode()).hexdigest()[:16]
    kept = f"{OUT}/truth-{key}.npz"
    if not os.path.exists(kept):
        start, total, nearest = time.monotonic(), 0.0, np.full(len(queries), np.inf)
        for _, block in distances(queries, data, own):
            nearest = np.minimum(nearest, block.min(axis=1))
            total += block[np.isfinite(block)].sum()
        np.savez(kept, nearest=nearest, mean=total / (len(queries) * (len(data) - own)), seconds=time.monotonic() - start)
    with np.load(kept) as file:
        return file["nearest"], float(file["mean"]), float(file["seconds"])


def collision(d):
    """Probability that a p-stable hash agrees at distance d > 0 (Datar, Immorlica, Indyk, Mirrokni 2004)."""
    t = WIDTH / d
    return math.erf(t / math.sqrt(2)) - math.sqrt(2 / math.pi) / t * (1 - math.exp(-t * t / 2))


def by_law(nearest, k, l):
    """Expected recall, without probes."""
    return float(np.mean([1 - (1 - collision(d) ** k) ** l if d > 0 else 1 for d in nearest]))


def recall(out, data, queries, nearest):
    """Share of queries with a neighbour as near as the true one (another row may be just as near)."""
    with h5py.File(f"{out}/pairs.h5") as file:
        left, right = file["left"][:], file["right"][:]
    apart = np.linalg.norm(queries[left].astype(np.float64) - data[right], axis=1)
    return float(np.count_nonzero(apart <= nearest[left] * (1 + 1e-6) + 1e-12)) / len(queries)


def measure(args, k, l, probes, inputs, own, score):
    options = ["-b", str(l), "-r", str(k), "-t", str(args.threads), "--metric", "l2", "--width", str(WIDTH), "--top-k", "1"]
    options += ["--probes", str(probes)] if probes else []
    options += ["--exclusive"] if own else []
    report = join(args.program, options, inputs, f"{OUT}/pairs")
    seconds = report["seconds"]
    row = {"k": k, "L": l, "probes": probes, **score(k, l),
           "candidates": report["counts"]["candidates"], "fit": sum(seconds[s] for s in FIT), "query": sum(seconds[s] for s in QUERY)}
    return {**row, "cpu": report["cpu"], "seconds": seconds, "counts": report["counts"], "command": report["command"]}


def print_rows(rows, last, queries, law):
    head = ["k", last, "recall"] + ["by the law"] * law + ["candidates a query", "fit, s", f"{queries:,} queries, s"]
    print_table(head, [[str(r["k"]), str(r[last]), f"{r['recall']:.3f}"] + [f"{r['law']:.3f}"] * law +
                       [f"{r['candidates'] / queries:,.1f}", f"{r['fit']:.2f}", f"{r['query']:.2f}"] for r in rows])


def plot(base, probed, exact, name):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(2, 3, figsize=(15, 8))
    for line, (rows, x, label) in zip(axes, ((base, "L", "L, bands"), (probed, "probes", f"probes of {PROBED_L} bands"))):
        for axis, y, title in zip(line, ("recall", "query", "fit"), ("recall of the nearest neighbour", "query, s", "fit, s")):
            for k in KS:
                axis.plot([r[x] for r in rows if r["k"] == k], [r[y] for r in rows if r["k"] == k], marker="^", label=f"k = {k}")
            axis.set(xlabel=label, ylabel=title)
        line[1].axhline(exact, color="black", label="exact search (numpy)")
        for axis, top in zip(line, (1, None, None)):
            axis.set_ylim(0, top)
            axis.legend()
    figure.suptitle(name)
    figure.tight_layout()
    figure.savefig(f"{OUT}/neighbours.png", dpi=100)


def main():
    parser = argparse.ArgumentParser(description="Recall of the nearest neighbour over k, L and probes.")
    parser.add_argument("file", metavar="FILE.h5[:/path]")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--program", default="build/lshjoin")
    args = parser.parse_args()
    os.makedirs(OUT, exist_ok=True)

    data, queries, own = load(args.file, args.queries)
    nearest, mean, exact = truth(args.file, data, queries, own)
    R = mean / 2.5
    scaled = f"{OUT}/scaled.h5"
    with h5py.File(scaled, "w") as file:
        file["data"], file["queries"] = (data / R).astype(np.float32), (queries / R).astype(np.float32)
    inputs = [f"{scaled}:/queries", f"{scaled}:/data"]
    score = lambda k, l: {"recall": recall(f"{OUT}/pairs", data, queries, nearest), "law": by_law(nearest / R, k, l)}
    base = [measure(args, k, l, 0, inputs, own, score) for k in KS for l in LS]
    probed = [measure(args, k, PROBED_L, t, inputs, own, score) for k in KS for t in PROBES]

    within = float(np.mean(nearest < R))
    print(describe(), f"{args.threads} thread{'s'[:args.threads > 1]}", sep="; ")
    print(f"{args.file}: {len(data):,} x {data.shape[1]}, {len(queries):,} queries"
          f"{' (the first rows, each without itself)' if own else ''}; R = {R:.6g}, "
          f"{within:.1%} of the nearest neighbours within R; exact search by numpy in double precision {exact:.2f} s\n")
    print_rows(base, "L", len(queries), True)
    print(f"With probes, L = {PROBED_L}:\n")
    print_rows(probed, "probes", len(queries), False)
    with open(f"{OUT}/neighbours.json", "w") as file:
        json.dump({"machine": describe(), "file": args.file, "rows": len(data), "dimension": data.shape[1], "queries": len(queries), "R": R,
                   "nearest_within_R": within, "exact_seconds": exact, "base": base, "probed": probed}, file, indent=1)
    plot(base, probed, exact, f"{args.file}: {len(queries):,} queries, {args.threads} thread{'s'[:args.threads > 1]}")
    print(f"fit: {', '.join(FIT)}; query: {', '.join(QUERY)}; wall seconds of one run each. Candidates: all that met in a band.")
    print(f"All numbers: {OUT}/neighbours.json; plots: {OUT}/neighbours.png")


if __name__ == "__main__":
    main()
