#!/usr/bin/python3
"""pack.py BUILD DIR: MB of text a second that one core takes, for lshpack and what it may be held against, as a Markdown table.
DIR holds text.txt and text.jsonl, of pack_text.py; what is made there is removed again."""
import gzip
import os
import re
import resource
import shutil
import subprocess
import sys
import time

import machine

try:
    import xxhash
    hash_name, hash64 = "xxhash", xxhash.xxh3_64_intdigest
except ImportError:
    import hashlib
    hash_name, hash64 = "hashlib's BLAKE2b", lambda text: int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")

CHARS_PART = 0.25   # of the text: shingles of code points take twelve times its space
PYTHON_PART = 0.05


def part_of(path, share):
    """The first lines of a file, about this share of it, beside it."""
    part = os.path.join(os.path.dirname(path), f"part{share}.txt")
    with open(path, "rb") as whole, open(part, "wb") as out:
        out.write(whole.read(int(os.path.getsize(path) * share)).rpartition(b"\n")[0] + b"\n")
    return part


def run(command, **more):
    """(seconds by the clock, seconds of CPU), the better of two runs."""
    times = []
    for _ in range(2):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        if subprocess.run(command, stdout=subprocess.DEVNULL, **more).returncode:
            sys.exit("failed: " + str(command))
        elapsed, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append((elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return min(times)


def rate_alone(build, *arguments):
    """MB/s that a loop over lines in memory reaches, by CPU time."""
    return float(subprocess.run([f"{build}/bench/pack_rate", *arguments], check=True, capture_output=True, text=True).stdout.split()[0])


def python_words(path):
    start = time.process_time()
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            words = re.findall(r"\w+", line.lower())
            {hash64(" ".join(words[i:i + 3]).encode()) for i in range(max(len(words) - 2, 1))}
    return time.process_time() - start


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, path, elapsed, cpu):
        size = os.path.getsize(path) / 1e6
        self.rows.append([what, f"{size:.0f}", f"{size / elapsed:.0f}" if elapsed else "", f"{size / cpu:.0f}"])

    def add_rate(self, what, path, rate):
        self.rows.append([what, f"{os.path.getsize(path) / 1e6:.0f}", "", f"{rate:.0f}"])


def main():
    build, directory = sys.argv[1:]
    text, lines = f"{directory}/text.txt", f"{directory}/text.jsonl"
    chars, little = part_of(text, CHARS_PART), part_of(text, PYTHON_PART)
    packed, out = f"{directory}/text.txt.gz", f"{directory}/out.h5"
    with open(chars, "rb") as plain, gzip.open(packed, "wb", 6) as zipped:
        shutil.copyfileobj(plain, zipped)
    pack = [f"{build}/lshpack", "--quiet", "--force", "--memory", "4G", "-o", out]
    table = Table()
    table.add("`cat text \\| wc -c`", text, *run(f"cat {text} | wc -c", shell=True))
    table.add_rate("shingles of 3 words to sets, in memory", text, rate_alone(build, "words", "3", text))
    table.add("`lshpack --words 3`, plain text", text, *run([*pack, "--words", "3", text]))
    table.add_rate("shingles of 5 characters to sets, in memory", chars, rate_alone(build, "chars", "5", chars))
    table.add("`lshpack --chars 5`, plain text", chars, *run([*pack, "--chars", "5", chars]))
    table.add_rate("parsing JSON lines alone (jansson), in memory", lines, rate_alone(build, "json", lines))
    table.add("`lshpack --words 3`, JSON lines", lines, *run([*pack, "--words", "3", lines]))
    elapsed, cpu = run([*pack, "--words", "3", packed])
    table.add("`lshpack --words 3`, the same as .gz", chars, elapsed, cpu)
    cpu = python_words(little)
    table.add(f"Python: re, set, {hash_name}, 3 words", little, None, cpu)
    print(machine.describe())
    machine.print_table(["what, on one core", "MB of text", "MB/s by the clock", "MB/s by CPU time"], table.rows)


if __name__ == "__main__":
    main()
