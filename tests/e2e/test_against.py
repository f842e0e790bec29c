"""--against: the pairs of the whole join that have a new record, and no other, at any number of ranks."""
import numpy as np
import pytest

import oracle
import vectors
from joins import run
from oracle import Sets, families, write_sets
from vectors import clusters, ids, write_vectors
from weighted import families as weighted_families
from weighted import write_weighted

RANKS = [1, 2, 3, 5]
KINDS = {
    "sets planned": "--threshold 0.5",
    "sets words": "-b 12 -r 3 --threshold 0.5",
    "sets candidates": "-b 8 -r 3",
    "sets pool": "-b 12 -r 3 --pool 20 --threshold 0.4",
    "sets exact": "--exact --threshold 0.35",
    "sets containment planned": "--metric containment --threshold 0.6 --recall 0.8",
    "sets containment exact": "--metric containment --exact --threshold 0.6",
    "weighted planned": "--metric weighted-jaccard --threshold 0.5",
    "weighted exact": "--metric weighted-jaccard --exact --threshold 0.4",
    "cosine planned": "--threshold 0.95",
    "cosine probes": "-b 4 -r 8 --probes 6 --threshold 0.9",
    "cosine exact": "--exact --threshold 0.9",
    "l2 probes": "--metric l2 -b 4 -r 4 --probes 5 --radius 1",
    "ip words": "--metric ip -b 4 -r 6",
    "ip planned": "--metric ip --threshold 0.8",
    "ip exact": "--metric ip --exact --threshold 0.8",
}


def data_of(kind, folder, old):
    """Files of old, new and all records; some old ones are equal to others, some new ones to old ones or new ones."""
    names = [folder / f"{name}.h5" for name in ("old", "new", "all")]
    if kind.startswith("sets"):
        rows = families(1, 60).rows()
        rows += [rows[3], rows[len(rows) // 2], rows[3], rows[-1]]
        for name, part in zip(names, (rows[:old], rows[old:], rows)):
            write_sets(name, Sets.of(part))
    elif kind.startswith("weighted"):
        x = weighted_families(2)
        for name, part in zip(names, (x[:old], x[old:], x)):
            write_weighted(name, part)
    else:
        x = clusters(3, 60)
        x = np.concatenate([x, x[[5, 5, len(x) - 1]]])
        for name, part in zip(names, (x[:old], x[old:], x)):
            write_vectors(name, part)
    return names


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_of_the_whole_join(join, tmp_path, kind):
    old, new, every = data_of(kind, tmp_path, 170)
    whole = join(every, KINDS[kind]).pairs
    expected = whole[np.maximum(whole["left"], whole["right"]) >= 170]
    assert 20 < len(expected) < len(whole)
    for ranks in RANKS:
        found = join(new, f"{KINDS[kind]} --against {old} -t {1 + ranks % 2}", ranks=ranks)
        assert (found.pairs == expected).all() if len(found.pairs) == len(expected) else ids(found.pairs) == ids(expected)
        assert found.report["parameters"]["against"] is True
        assert found.report["counts"]["pairs"] == len(expected)


@pytest.mark.parametrize("kind", ["sets planned", "sets words", "cosine probes", "ip words"])
def test_small_rounds(join, tmp_path, kind):
    old, new, every = data_of(kind, tmp_path, 100)
    whole = join(every, KINDS[kind]).pairs
    for ranks in (1, 3):
        found = join(new, f"{KINDS[kind]} --against {old} --round 4K", ranks=ranks).pairs
        assert (found == whole[whole["right"] >= 100]).all()


@pytest.mark.parametrize("kind", ["sets planned", "cosine exact"])
@pytest.mark.parametrize("old", [0, 1, 240])
def test_none_old_or_few_new(join, tmp_path, kind, old):
    files = data_of(kind, tmp_path, old)
    whole = join(files[2], KINDS[kind]).pairs
    found = join(files[1], f"{KINDS[kind]} --against {files[0]}", ranks=3).pairs
    assert (found == whole[whole["right"] >= old]).all()


def test_against_brute_force(join, tmp_path):
    rows = families(5, 50).rows()
    truth = oracle.brute_force(Sets.of(rows), None, "0.4")
    write_sets(tmp_path / "old.h5", Sets.of(rows[:90]))
    found = join(Sets.of(rows[90:]), f"--exact --threshold 0.4 --against {tmp_path / 'old.h5'}", ranks=2).pairs
    assert ids(found) == ids(truth[truth["right"] >= 90])


def test_old_records_cost_no_pairs(join, tmp_path):
    """Old records that are all alike meet the new ones only."""
    rng = np.random.default_rng(1)
    core = np.arange(30)
    near = [np.concatenate([core, 100 + rng.integers(0, 10**6, 2)]) for _ in range(400)]
    write_sets(tmp_path / "old.h5", Sets.of(near[:398]))
    found = join(Sets.of(near[398:]), f"-b 1 -r 1 --threshold 0.5 --against {tmp_path / 'old.h5'}")
    assert found.report["counts"]["candidate_copies"] <= 2 * 398 + 1


def test_nearest_of_new_records(join, tmp_path):
    """With --top-k new records are the left ones, as in a join of two inputs."""
    x = clusters(4, 60)
    write_vectors(tmp_path / "old.h5", x[:150])
    options = "--exact --top-k 3"
    found = join(x[150:], f"{options} --against {tmp_path / 'old.h5'}", ranks=2)
    two = join([x[150:], tmp_path / "old.h5"], options)
    assert (found.pairs == two.pairs).all() and len(two.pairs) == 3 * (len(x) - 150)
    vectors.check_verified(found.pairs, vectors.top_k(x[150:], x[:150], "cosine", 3))


def test_ids(tmp_path):
    import h5py
    for name, base in (("old", 0), ("new", 3)):
        write_sets(tmp_path / f"{name}.h5", Sets.of([[1, 2, 3, base + 9], [1, 2, 3, 77], [50 + base, 51 + base, 52 + base]]))
        with h5py.File(tmp_path / f"{name}.h5", "r+") as f:
            texts = [f"{name}{k}".encode() for k in range(3)]
            f["ids/indptr"] = np.cumsum([0] + [len(t) for t in texts])
            f["ids/bytes"] = np.frombuffer(b"".join(texts), "u1")
    given = run(["--exact", "--threshold", "0.6", "--format", "tsv", "--ids", "--against", tmp_path / "old.h5", tmp_path / "new.h5"]).ok()
    assert {tuple(line.split("\t")[:2]) for line in given.out.splitlines()[1:]} == {
        ("old0", "new0"), ("old0", "new1"), ("old1", "new0"), ("old1", "new1"), ("new0", "new1")}


@pytest.mark.parametrize("more, said", [("-E", "--exclusive"), ("--clusters", "--clusters"),
                                        ("--duplicates groups", "--duplicates groups"), ("other.h5", "one input")])
def test_what_does_not_go_with_it(tmp_path, more, said):
    write_sets(tmp_path / "a.h5", Sets.of([[1, 2]]))
    failed = run(["--threshold", "0.5", "--against", tmp_path / "a.h5", *more.split(), tmp_path / "a.h5"])
    assert failed.rc == 64 and "--against" in failed.err and said in failed.err


def test_files_that_are_not_there(fails, tmp_path):
    write_sets(tmp_path / "a.h5", Sets.of([[1, 2]]))
    fails(["--threshold", "0.5", "--against", tmp_path / "none.h5", tmp_path / "a.h5"], 66, "none.h5")
