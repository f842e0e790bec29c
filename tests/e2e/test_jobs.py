"""What the batch scripts of jobs/ use, without a Slurm (test_slurm.py submits the scripts themselves)."""
import json
import shutil
import subprocess

import h5py
import numpy as np
import pytest

import joins
import oracle
import vectors

JOBS = joins.ROOT / "jobs"


def test_shellcheck():
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck here: jobs/install-packages.sh --tests")
    scripts = [*JOBS.glob("*.sh"), *JOBS.glob("*.sbatch"), joins.ROOT / "tests" / "slurm" / "cluster.sh"]
    assert len(scripts) > 6
    subprocess.run(["shellcheck", "-x", *scripts], cwd=joins.ROOT, check=True, timeout=60)


def weak_data(tmp_path, file, object, kind, rows, copies):
    run = tmp_path / "run.json"
    run.write_text(json.dumps({"inputs": [{"file": str(file), "object": object, "kind": kind, "rows": rows}]}))
    subprocess.run([JOBS / "weak_data.py", run, "2", str(copies), tmp_path / "weak.h5"], check=True, timeout=60)
    return tmp_path / "weak.h5"


@pytest.mark.parametrize("form, dtype", [("csr", "u8"), ("csr", "i4"), ("flat", "u4")])
def test_copies_of_sets_share_nothing(tmp_path, form, dtype):
    sets = oracle.families(5, 40, dtype=dtype)
    write = oracle.write_sets if form == "csr" else oracle.write_flat
    half = len(sets) // 2
    path = weak_data(tmp_path, write(tmp_path / "in.h5", sets), "/sets" if form == "csr" else "/train", form, len(sets), 3)
    with h5py.File(path) as file:
        assert file["sets/indices"].dtype.itemsize == np.dtype(dtype).itemsize
        weak = oracle.Sets(file["sets/indptr"][:], file["sets/indices"][:])
    assert all((np.diff(row.astype("O")) > 0).all() for row in weak.rows() if len(row))
    part = oracle.brute_force(oracle.Sets.of(sets.rows()[:half], dtype))
    all_of_them = oracle.brute_force(weak)
    assert len(weak) == 3 * half and len(part) > 0
    for copy in range(3):
        own = all_of_them[all_of_them["left"] // half == copy]
        for name in part.dtype.names:
            np.testing.assert_array_equal(own[name], part[name] + copy * half * (name in ("left", "right")))


@pytest.mark.parametrize("dtype, metric, limit", [("f4", "cosine", 0.9), ("u1", "l2", 60)])
def test_copies_of_vectors_are_far_apart(tmp_path, dtype, metric, limit):
    x = vectors.clusters(6, 50, spread=0.2, dim=64)
    x = (x if dtype == "f4" else np.clip(128 + 200 * x, 0, 255)).astype(dtype)
    half = len(x) // 2
    path = weak_data(tmp_path, vectors.write_vectors(tmp_path / "in.h5", x, attrs={"distance": "angular"}), "/vectors", "dense", len(x), 3)
    weak = vectors.read_vectors(path)
    part = vectors.brute_force(x[:half], metric=metric, limit=limit)
    all_of_them = vectors.brute_force(weak, metric=metric, limit=limit)
    assert weak.dtype == x.dtype and len(part) > 0 and len(all_of_them) == 3 * len(part)
    for copy in range(3):
        own = all_of_them[all_of_them["left"] // half == copy]
        np.testing.assert_array_equal(own["right"], part["right"] + copy * half)
        np.testing.assert_allclose(own["value"], part["value"], rtol=1e-6)


def test_scaling_table(tmp_path):
    """Efficiencies of known times; of several runs the median counts."""
    for kind, nodes, times in [("strong", 1, [8, 9, 80]), ("strong", 4, [3, 2, 2]), ("weak", 1, [2]), ("weak", 4, [4])]:
        for k, total in enumerate(times):
            (tmp_path / f"{kind}-{nodes}-{k}").mkdir()
            report = {"ranks": 2 * nodes, "threads": 3, "counts": {"records": 100, "pairs": 7}, "seconds": {"read": 1.0, "total": float(total)}}
            (tmp_path / f"{kind}-{nodes}-{k}" / "run.json").write_text(json.dumps(report))
    subprocess.run([JOBS / "scaling.py", tmp_path], check=True, stdout=subprocess.DEVNULL, timeout=60)
    rows = [line for line in (tmp_path / "scaling.md").read_text().splitlines() if line[:3] in ("| 1", "| 4")]
    assert rows == ["| 1 | 2 | 3 | 100 | 7 | 1.00 | 9.00 | 1.00 |", "| 4 | 8 | 3 | 100 | 7 | 1.00 | 2.00 | 1.12 |",
                    "| 1 | 2 | 3 | 100 | 7 | 1.00 | 2.00 | 1.00 |", "| 4 | 8 | 3 | 100 | 7 | 1.00 | 4.00 | 0.50 |"]
    assert (tmp_path / "scaling.png").read_bytes().startswith(b"\x89PNG")
