"""What takes memory or time: peaks of all kinds of joins, on data of all kinds; more elements than 32 bits count."""
import h5py
import numpy as np
import pytest

from joins import read_h5, run
from oracle import Sets, write_sets
from test_memory import check_peak, clusters, families
from vectors import write_vectors


def long_sets(tmp_path):
    """A hundred sets of 200,000, of which half are alike."""
    rng = np.random.default_rng(3)
    rows = np.sort(rng.integers(0, 4 * 10**6, (50, 200000)), 1)
    return write_sets(tmp_path / "in.h5", Sets(np.arange(0, 100 * 200000 + 1, 200000),
                                               np.concatenate([rows, rows]).ravel().astype("u4")))


def zipf_sets(tmp_path):
    """A few elements are in nearly all sets, most in one."""
    rng = np.random.default_rng(4)
    rows = np.repeat(rng.zipf(1.3, (30000, 80)) % (5 * 10**6), 2, 0)
    return write_sets(tmp_path / "in.h5", Sets(np.arange(0, rows.size + 1, 80), rows.ravel().astype("u4")))


def big_bucket(tmp_path):
    """Three thousand are nearly the same."""
    sets, rng = families(20000), np.random.default_rng(5)
    rows = sets.indices.reshape(-1, 60)
    rows[rng.permutation(len(rows))[:3000]] = families(1, 3000, change=0.02, seed=6).indices.reshape(-1, 60)
    return write_sets(tmp_path / "in.h5", sets)


def uniform_sets(tmp_path):
    return write_sets(tmp_path / "in.h5", families(20000))


def uniform_vectors(tmp_path):
    return write_vectors(tmp_path / "in.h5", clusters(10000, width=64))


# The budgets, in MB, of 1, 2 and 4 ranks: nearly the least.
SETS = [(uniform_sets, "--threshold 0.6", (70, 45, 30)), (uniform_sets, "-b 40 -r 3 --threshold 0.6", (50, 35, 25)),
        (uniform_sets, "-b 40 -r 3", (50, 35, 25)), (uniform_sets, "--exact --threshold 0.7", (180, 150, 140)),
        (long_sets, "--threshold 0.6", (160, 95, 60)), (long_sets, "-b 20 -r 3 --threshold 0.6", (140, 80, 50)),
        (zipf_sets, "--threshold 0.9", (60, 40, 30)), (zipf_sets, "-b 20 -r 8 --threshold 0.9", (50, 35, 25)),
        (zipf_sets, "--exact --threshold 0.9", (180, 150, 140)),
        (big_bucket, "--threshold 0.6", (70, 45, 30)), (big_bucket, "-b 20 -r 3 --threshold 0.6", (60, 40, 30))]
VECTORS = [(uniform_vectors, "--threshold 0.85", (60, 45, 40)), (uniform_vectors, "-b 16 -r 12 --threshold 0.85", (50, 35, 30)),
           (uniform_vectors, "--exact --threshold 0.85", (60, 45, 40))]


@pytest.mark.parametrize("data, options, budgets", SETS + VECTORS)
def test_peaks(tmp_path, data, options, budgets):
    """On 1, 2 and 4 ranks; and the pairs are the same."""
    file = data(tmp_path)
    found = [check_peak(tmp_path, options, file, ranks, memory) for ranks, memory in zip((1, 2, 4), budgets)]
    assert len(found[0]) > 40 and all(pairs.tobytes() == found[0].tobytes() for pairs in found)


def test_more_elements_than_32_bits_count(tmp_path):
    """Vectors of 2^31 + 2^25 coordinates, 9 GB of memory; the last hundred are the first once more."""
    if int(next(line.split()[1] for line in open("/proc/meminfo") if line.startswith("MemAvailable"))) < 14 << 20:
        pytest.skip("less than 14 GB of memory are free here")
    width, rows, block = 64, (2**31 + 2**25) // 64, 1 << 19
    rng = np.random.default_rng(7)
    with h5py.File(tmp_path / "in.h5", "w") as f:
        x = f.create_dataset("vectors", (rows, width), "i1")
        for first in range(0, rows, block):
            x[first:first + block] = np.frombuffer(rng.bytes(min(block, rows - first) * width), "i1").reshape(-1, width)
        x[-100:] = x[:100]
    assert rows * width > 2**31
    run(["-b", 1, "-r", 40, "--threshold", 0.99, "--quiet", "--memory", "7G", "-o", tmp_path / "out", tmp_path / "in.h5"], 2,
        timeout=1800).ok()
    pairs = read_h5(tmp_path / "out")
    assert pairs["left"].tolist() == list(range(100)) and pairs["right"].tolist() == list(range(rows - 100, rows))
