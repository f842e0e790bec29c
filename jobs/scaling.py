#!/usr/bin/python3
"""scaling.py DIR: the table (DIR/scaling.md) and the plot (DIR/scaling.png) of what scaling.sbatch measured into DIR.

Seconds are those of run.json: of each stage, those of the rank that was slowest in it (so that they may sum to more than the total). Of
several runs that one counts whose total is the median. Efficiency is, for strong scaling, the time on one node divided by nodes times
the time on these; for weak scaling, the time on one node divided by the time on these."""
import argparse
import json
import re
import sys
from pathlib import Path


def median_run(runs):
    return sorted(runs, key=lambda run: run["seconds"]["total"])[(len(runs) - 1) // 2]


def read(directory):
    """{"strong": {nodes: run}, "weak": {nodes: run}}"""
    runs = {"strong": {}, "weak": {}}
    for path in sorted(directory.glob("*/run.json")):
        kind, nodes = re.fullmatch(r"(strong|weak)-(\d+)-\d+", path.parent.name).groups()
        runs[kind].setdefault(int(nodes), []).append(json.loads(path.read_text()))
    return {kind: {nodes: median_run(of_nodes[nodes]) for nodes in sorted(of_nodes)} for kind, of_nodes in runs.items()}


def efficiency(kind, runs):
    first = min(runs)
    time = {nodes: run["seconds"]["total"] for nodes, run in runs.items()}
    return {nodes: time[first] / time[nodes] * (first / nodes if kind == "strong" else 1) for nodes in runs}


def stages_of(runs):
    """Those that took any time, and `total`, in order."""
    return [stage for stage in next(iter(runs.values()))["seconds"] if any(run["seconds"][stage] > 0 for run in runs.values())]


def table(kind, runs):
    stages = stages_of(runs)
    head = ["nodes", "ranks", "threads", "rows", "pairs", *[f"{stage}, s" for stage in stages], "efficiency"]
    lines = [head, ["---:"] * len(head)]
    for nodes, run in runs.items():
        counts, seconds = run["counts"], run["seconds"]
        lines.append([f"{nodes}", f"{run['ranks']}", f"{run['threads']}", f"{counts['records']:,}", f"{counts['pairs']:,}",
                      *[f"{seconds[stage]:.2f}" for stage in stages], f"{efficiency(kind, runs)[nodes]:.2f}"])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


TITLES = {"strong": "Strong scaling: the same data on more nodes", "weak": "Weak scaling: on n nodes n copies of a part of the data"}


def draw(runs, path):
    try:
        import matplotlib
    except ImportError:
        sys.exit(f"scaling.py: no plot, as matplotlib is missing here; where it is:  jobs/scaling.py {path.parent}")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 8), layout="constrained", sharex="col")
    for (kind, of_kind), (above, below) in zip(runs.items(), axes.T):
        nodes = list(of_kind)
        bottom = [0.0] * len(nodes)
        at = range(len(nodes))
        for stage in stages_of(of_kind)[:-1]:
            seconds = [run["seconds"][stage] for run in of_kind.values()]
            above.bar(at, seconds, bottom=bottom, label=stage)
            bottom = [a + b for a, b in zip(bottom, seconds)]
        total = [run["seconds"]["total"] for run in of_kind.values()]
        ideal = [total[0] * (nodes[0] / n if kind == "strong" else 1) for n in nodes]
        above.plot(at, total, "ko-", label="total")
        above.plot(at, ideal, "k--", label="ideal")
        above.set(title=TITLES[kind], ylabel="seconds")
        below.plot(at, list(efficiency(kind, of_kind).values()), "ko-")
        below.axhline(1, color="k", linestyle="--")
        below.set(xlabel="nodes", ylabel="efficiency", ylim=(0, None), xticks=list(at), xticklabels=nodes)
    axes[0, 1].legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    runs = {kind: of_kind for kind, of_kind in read(directory).items() if of_kind}
    if not runs:
        sys.exit(f"scaling.py: {directory}: no strong-*/run.json and no weak-*/run.json in there")
    text = "\n".join(f"{TITLES[kind]}:\n\n{table(kind, of_kind)}\n" for kind, of_kind in runs.items())
    (directory / "scaling.md").write_text(text)
    print(text)
    draw(runs, directory / "scaling.png")


if __name__ == "__main__":
    main()
