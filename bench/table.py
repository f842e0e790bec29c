#!/usr/bin/python3
"""table.py DIR...: the reports of several runs side by side, as a Markdown table, and the machine they ran on."""
import json
import platform
import subprocess
import sys

runs = [json.load(open(f"{d}/run.json")) for d in sys.argv[1:]]
stages = list(runs[0]["seconds"])


def row(name, cells):
    print("| " + " | ".join([name] + cells) + " |")


cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
print(f"{cpu}, {platform.system()} {platform.release()}; commit {commit}")
print(" ".join(runs[0]["command"]), "\n")
row("", [f"{r['ranks']} rank{'s'[:r['ranks'] > 1]} x {r['threads']}" for r in runs])
row("---", ["---"] * len(runs))
for stage in stages:
    row(f"{stage}, s", [f"{r['seconds'][stage]:.2f}" for r in runs])
row("peak memory a rank, MB", [f"{r['peak_memory_bytes'] / 1e6:.0f}" for r in runs])
for count in ("records", "candidates", "pairs"):
    row(count, [f"{r['counts'][count]:,}" for r in runs])
