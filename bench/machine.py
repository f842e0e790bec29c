"""What the benchmarks share: the machine they ran on, runs of programs, Markdown tables, and the file of all numbers."""
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time


def commit():
    return subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()


def describe():
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    return f"{cpu}, {platform.system()} {platform.release()}; commit {commit()}"


def report_of(out):
    with open(os.path.join(out, "run.json")) as file:
        return json.load(file)


def join(program, options, inputs, out):
    """run.json of one run, with the process's CPU seconds and, as `elapsed`, its wall seconds from start to end."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [*([program] if isinstance(program, str) else program), *options, "--quiet", "--force", "-o", out, *inputs]
    if subprocess.run(command).returncode:
        sys.exit("failed: " + " ".join(command))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = report_of(out)
    report["elapsed"] = time.monotonic() - start
    report["cpu"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report


def measure(command):
    """Wall and CPU seconds and peak memory in bytes of a process and of those that it starts (the peak: of the largest)."""
    run = subprocess.run(["build/bench/measure", *command], stdout=subprocess.PIPE, text=True)
    if run.returncode:
        sys.exit("failed: " + " ".join(command))
    wall, peak, cpu = map(float, run.stdout.split())
    return {"wall": wall, "cpu": cpu, "peak": peak}


def alternate(commands, runs):
    """The medians of `runs` runs of each command; they take turns, so that all see the same machine. The runs are kept too."""
    seen = [[] for _ in commands]
    for _ in range(runs):
        for command, list_of_runs in zip(commands, seen):
            list_of_runs.append(measure(command))
    return [{**{key: statistics.median(run[key] for run in of_one) for key in of_one[0]}, "command": command, "runs": of_one}
            for command, of_one in zip(commands, seen)]


def save(name, numbers):
    """All numbers of a benchmark, with what they were measured on and by, for the record."""
    path = f"build/bench/{name}.json"
    with open(path, "w") as file:
        json.dump({"machine": describe(), "commit": commit(), "command": sys.argv, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                   **numbers}, file, indent=1)
    print(f"All numbers: {path}")


def print_table(head, rows):
    for row in [head, ["---:"] * len(head), *rows]:
        print("| " + " | ".join(row) + " |")
    print()
