"""The data of the benchmarks: made once, with what there is to be found in them, and kept in build/bench."""
import os
import subprocess
import sys

import h5py
import numpy as np

from machine import join

HOME = "build/bench"
RECIPES = {
    "S1": ["sets", 100_000, 1], "S2": ["sets", 1_000_000, 2], "S3": ["sets", 100_000, 1, "--near-copies", 3000],
    "V1": ["vectors", 100_000, 128, 3], "start": ["sets", 100, 2],
    "S2-250k": ["sets", 250_000, 2], "S2-500k": ["sets", 500_000, 2], "S2-2M": ["sets", 2_000_000, 2],
}
FASHION, DESCRIPTIONS = "fashion-mnist", "descriptions"


def make(path, command):
    """The file, made by the command, whose last argument is where to write it, unless it is there."""
    if not os.path.exists(path):
        print(f"making {path}", file=sys.stderr)
        subprocess.run([*map(str, command), path + ".part"], check=True)
        os.rename(path + ".part", path)
    return path


def need(name):
    path = f"{HOME}/{name}.h5"
    if name == FASHION:
        return make(path, ["data/fashion_mnist.py", "-o"]) + ":/train"
    if name == DESCRIPTIONS:
        return make(path, ["data/debian_descriptions.py", "--lists", f"{HOME}/lists", "-o"])
    kind, *numbers = RECIPES[name]
    split = next((i for i, value in enumerate(numbers) if isinstance(value, str)), len(numbers))
    return make(path, ["bench/make_data.py", kind, *numbers[split:], *numbers[:split]])


def need_binary(name):
    return make(f"{HOME}/{name}.bin", ["bench/make_data.py", "binary", need(name)])


def packed(left, right):
    return np.asarray(left, np.uint64) << np.uint64(32) | np.asarray(right, np.uint64)


def found_pairs(out):
    """Pairs of a run of lshjoin, each as one number."""
    with h5py.File(f"{out}/pairs.h5") as file:
        return packed(file["left"][:], file["right"][:])


def peer_pairs(path):
    return np.fromfile(path, np.uint64)


def truth(name, options):
    """All pairs there are, by --exact; kept for the next time."""
    path = f"{HOME}/truth-{name}{''.join(options).replace('--', '-')}.npy"
    if not os.path.exists(path):
        print(f"finding all pairs: {name} {' '.join(options)}", file=sys.stderr)
        out = f"{HOME}/truth"
        join("build/lshjoin", ["--exact", *options, "-t", str(os.cpu_count())], [need(name)], out)
        np.save(path, found_pairs(out))
    return np.load(path)


def recall(found, true):
    """Of the true pairs those found."""
    return np.count_nonzero(np.isin(true, found)) / len(true) if len(true) else 1.0
