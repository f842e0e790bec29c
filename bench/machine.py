"""What the benchmarks share: the machine they ran on, one run of lshjoin, a Markdown table."""
import json
import os
import platform
import resource
import subprocess
import sys
import time


def describe():
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return f"{cpu}, {platform.system()} {platform.release()}; commit {commit}"


def join(program, options, inputs, out):
    """run.json of one run, with the process's CPU seconds and, as `elapsed`, its wall seconds from start to end."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [*([program] if isinstance(program, str) else program), *options, "--quiet", "--force", "-o", out, *inputs]
    if subprocess.run(command).returncode:
        sys.exit("failed: " + " ".join(command))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(os.path.join(out, "run.json")) as file:
        report = json.load(file)
    report["elapsed"] = time.monotonic() - start
    report["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report


def print_table(head, rows):
    for row in [head, ["---:"] * len(head), *rows]:
        print("| " + " | ".join(row) + " |")
    print()
