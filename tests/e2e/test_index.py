"""--save-index and --index: new records against old ones that are not read again: the pairs of the whole join by the same
plan that have a new record, whatever numbers of ranks wrote and read the index; and what is damaged is refused."""
import os
import shutil

import h5py
import numpy as np
import pytest

import oracle
import vectors
from joins import FAULTS, kill, read_h5, read_tsv, run, start, wait_for
from oracle import Sets, families, write_sets
from test_against import data_of
from vectors import clusters, ids, write_vectors

OLD = 170
# words by given bands: the whole join is one command
WORDS = {
    "sets words": "-b 12 -r 3 --threshold 0.5",
    "sets pool": "-b 12 -r 3 --pool 20 --threshold 0.4",
    "weighted words": "--metric weighted-jaccard -b 12 -r 3 --threshold 0.4",
    "cosine probes": "-b 4 -r 8 --probes 6 --threshold 0.9",
    "l2 probes": "--metric l2 -b 4 -r 4 --probes 5 --radius 1",
    "ip words": "--metric ip -b 4 -r 6 --threshold 0.6",
    "ip probes": "--metric ip -b 3 -r 6 --probes 3 --threshold 0.6",
    "sets in others": "--metric containment -b 12 -r 2 --threshold 0.6",
}
# planned ones: the plan is of the old records
PLANNED = {
    "sets planned": "--threshold 0.5",
    "sets classic": "--threshold 0.5 --minhash classic",
    "weighted planned": "--metric weighted-jaccard --threshold 0.5",
    "cosine planned": "--threshold 0.95",
    "l2 planned": "--metric l2 --radius 0.8",
    "ip planned": "--metric ip --threshold 0.8",
    "sets in others, planned": "--metric containment --threshold 0.7",
}


def options_of(kind):
    return {**WORDS, **PLANNED}[kind]


@pytest.fixture
def made(tmp_path):
    """made(kind, ranks): files of old, new and all records, and the directory of an index of the old ones."""
    def make(kind, ranks=1, old=OLD):
        files = data_of(kind, tmp_path, old)
        index = tmp_path / f"index-{ranks}"
        run([*options_of(kind).split(), "--save-index", index, "--no-print", files[0]], ranks).ok()
        return (*files, index)
    return make


def whole_by_index(tmp_path, every, index, old=OLD):
    """The whole join by the plan of an index: all records as new ones, the old ones being deleted."""
    gone = tmp_path / "gone.txt"
    gone.write_text("".join(f"{k}\n" for k in range(old)))
    out = tmp_path / "whole"
    run(["--index", index, "--deleted", gone, "-o", out, every]).ok()
    pairs = read_h5(out)
    pairs["left"] -= old
    pairs["right"] -= old
    return pairs


SHAPES = [(1, "-t 4 --round 4K", "scalar"), (2, "-t 1", "avx2"), (3, "-t 4", "avx512"), (5, "-t 1 --round 4K", "scalar")]


@pytest.mark.parametrize("kind", WORDS)
def test_pairs_of_the_whole_join(join, made, kind):
    old, new, every, index = made(kind, ranks=2)
    whole = join(every, WORDS[kind]).pairs
    expected = whole[new_in(whole)]
    assert 20 < len(expected) < len(whole)
    for ranks, options, level in SHAPES:
        found = join(new, f"--index {index} {options}", ranks=ranks, env={"LSHJOIN_SIMD": level}).pairs
        assert len(found) == len(expected) and (found == expected).all()


@pytest.mark.parametrize("kind", PLANNED)
def test_pairs_of_the_whole_join_by_the_same_plan(join, made, tmp_path, kind):
    old, new, every, index = made(kind, ranks=3)
    whole = whole_by_index(tmp_path, every, index)
    expected = whole[new_in(whole)]
    assert 20 < len(expected) < len(whole)
    for ranks, options, level in SHAPES:
        found = join(new, f"--index {index} {options}", ranks=ranks, env={"LSHJOIN_SIMD": level}).pairs
        assert len(found) == len(expected) and (found == expected).all()


def new_in(pairs):
    """Which pairs have a new record; of ordered ones either may be."""
    return np.maximum(pairs["left"], pairs["right"]) >= OLD


def contents(index):
    found = {}
    with h5py.File(index / "index.h5", "r") as f:
        f.visititems(lambda name, d: found.update({name: d[:]}) if isinstance(d, h5py.Dataset) else None)
    return found


@pytest.mark.parametrize("kind", ["sets planned", "ip probes"])
def test_an_index_is_the_same_for_any_number_of_ranks(made, kind):
    one = contents(made(kind, 1)[3])
    for ranks in (2, 3, 5):
        other = contents(made(kind, ranks)[3])
        assert one.keys() == other.keys() and len(one) > 8
        for name in one:
            assert np.array_equal(one[name], other[name]), name


def test_the_join_itself_is_done_too(join, tmp_path):
    sets = families(11, 60)
    plain = join(sets, "--threshold 0.5").pairs
    saving = join(sets, f"--threshold 0.5 --save-index {tmp_path / 'index'}", ranks=3)
    assert (saving.pairs == plain).all() and (tmp_path / "index" / "index.h5").exists()


def test_against_brute_force(join, tmp_path):
    """Every pair that is told is true, nearly all are, and none is of two old records."""
    rows = families(12, 150).rows()
    index = tmp_path / "index"
    run(["--threshold", "0.6", "--recall", "0.98", "--save-index", index, "--no-print",
         write_sets(tmp_path / "old.h5", Sets.of(rows[:500]))]).ok()
    found = join(Sets.of(rows[500:]), f"--index {index}", ranks=2).pairs
    truth = oracle.brute_force(Sets.of(rows), None, "0.6")
    truth = truth[truth["right"] >= 500]
    told = set(ids(found))
    assert told <= set(ids(truth)) and len(told) >= 0.95 * len(truth) and len(truth) > 50
    stricter = join(Sets.of(rows[500:]), f"--index {index} --threshold 0.8").pairs
    assert set(ids(stricter)) == {(p["left"], p["right"]) for p in found if p["value"] >= np.float32(0.8)}


def test_several_indexes(join, tmp_path):
    """What is saved by the plan of another index can be used beside it; numbers go on."""
    rows = families(13, 90).rows()
    parts = [Sets.of(rows[:120]), Sets.of(rows[120:250]), Sets.of(rows[250:])]
    files = [write_sets(tmp_path / f"{k}.h5", part) for k, part in enumerate(parts)]
    options = "-b 12 -r 3 --threshold 0.4"
    first, second = tmp_path / "first", tmp_path / "second"
    run([*options.split(), "--save-index", first, "--no-print", files[0]], 2).ok()
    step = join(files[1], f"--index {first} --save-index {second}", ranks=3).pairs
    last = join(files[2], f"--index {first} --index {second}", ranks=2).pairs
    whole = join(Sets.of(rows), options).pairs
    assert (step == whole[(whole["right"] >= 120) & (whole["right"] < 250)]).all()
    assert (last == whole[whole["right"] >= 250]).all() and len(last) > 20
    other = tmp_path / "other"
    run(["-b", "12", "-r", "4", "--threshold", "0.4", "--save-index", other, "--no-print", files[1]]).ok()
    failed = run(["--index", first, "--index", other, files[2]])
    assert failed.rc == 65 and "not of the plan" in failed.err


@pytest.mark.parametrize("kind", ["sets words", "weighted words", "cosine probes", "l2 probes", "ip words"])
def test_nearest_as_between_two_inputs(join, made, kind):
    old, new, every, index = made(kind)
    given = " ".join(WORDS[kind].split("--threshold")[0].split("--radius")[0].split())
    more = "--width 4" if kind == "l2 probes" else ""  # four radii, as the index was made
    if kind.startswith("ip"):
        more = WORDS[kind][WORDS[kind].index("--threshold"):]
    two = join([new, old], f"{given} {more} --top-k 3").pairs
    for ranks in (1, 3):
        found = join(new, f"--index {index} --top-k 3" + (f" {more}" if kind.startswith("ip") else ""), ranks=ranks).pairs
        if kind.startswith("ip"):  # two inputs have another largest norm, and so other hash functions
            assert len(found) > 20
            assert (np.bincount(found["left"].astype(int)) <= 3).all()
        else:
            assert len(found) == len(two) and (found == two).all()


def test_nearest_of_planned_bands(join, tmp_path):
    x = clusters(14, 100)
    index = tmp_path / "index"
    run(["--threshold", "0.8", "--recall", "0.99", "--save-index", index, "--no-print", write_vectors(tmp_path / "old.h5", x[:300])]).ok()
    found = join(x[300:], f"--index {index} --top-k 2", ranks=3).pairs
    truth = vectors.top_k(x[300:], x[:300], "cosine", 2, 0.8)
    assert len(set(ids(truth)) & set(ids(found))) >= 0.95 * len(truth)
    exact = vectors.all_values(x[300:], x[:300], "cosine")
    np.testing.assert_allclose(found["value"], exact[found["left"].astype(int), found["right"].astype(int)], rtol=1e-5)


@pytest.mark.parametrize("option", ["--against", "--index", "--against --top-k 3"])
def test_deleted_records_pair_with_nothing(join, tmp_path, option):
    rows = families(15, 70).rows()
    gone = [0, 3, 4, 5, 50, 119]
    (tmp_path / "gone.txt").write_text("5\n50\r\n0\n\n3\n4\n119\n3\n")
    old = write_sets(tmp_path / "old.h5", Sets.of(rows[:120]))
    options, index = "-b 12 -r 3 --threshold 0.3", tmp_path / "index"
    run([*options.split(), "--save-index", index, "--no-print", old]).ok()
    what = f"--index {index}" if option == "--index" else f"{options} {option.replace('--against', f'--against {old}')}"
    alive = Sets.of([[] if k in gone else row for k, row in enumerate(rows[:120])] + rows[120:])
    if "top-k" in option:
        expected = join([Sets.of(rows[120:]), Sets.of([[] if k in gone else r for k, r in enumerate(rows[:120])])],
                        f"{options} --top-k 3").pairs
    else:
        whole = join(alive, options).pairs
        expected = whole[whole["right"] >= 120]
    for ranks in (1, 3):
        found = join(Sets.of(rows[120:]), f"{what} --deleted {tmp_path / 'gone.txt'}", ranks=ranks).pairs
        assert len(found) == len(expected) > 10 and (found == expected).all()


def with_ids(path, rows, name):
    write_sets(path, Sets.of(rows))
    texts = [f"{name}{k}".encode() for k in range(len(rows))]
    with h5py.File(path, "r+") as f:
        f["ids/indptr"] = np.cumsum([0] + [len(t) for t in texts])
        f["ids/bytes"] = np.frombuffer(b"".join(texts), "u1")
    return path


@pytest.mark.parametrize("ranks", [1, 3])
def test_ids(tmp_path, ranks):
    rows = families(16, 40).rows()
    old, new = with_ids(tmp_path / "old.h5", rows[:100], "old"), with_ids(tmp_path / "new.h5", rows[100:], "new")
    options, index = ["--threshold", "0.4", "-b", "12", "-r", "3"], tmp_path / "index"
    run([*options, "--save-index", index, "--no-print", old]).ok()
    (tmp_path / "gone.txt").write_text("old7\nold99\nold0\n")
    tables = {}
    for name, more in (("index", ["--index", index]), ("against", [*options, "--against", old])):
        out = tmp_path / name
        run([*more, "--format", "tsv", "--ids", "--deleted", tmp_path / "gone.txt", "-o", out, new], ranks).ok()
        tables[name] = sorted(line for f in out.glob("pairs-*") for line in f.read_text().splitlines()[1:])
    assert tables["index"] == tables["against"] and len(tables["index"]) > 20
    assert any(line.startswith("old") for line in tables["index"])
    assert not {"old7", "old99", "old0"} & {cell for line in tables["index"] for cell in line.split("\t")}


@pytest.mark.parametrize("old, new", [("u4", "u8"), ("u8", "u4"), ("u8", "i4")])
def test_elements_of_other_widths(join, tmp_path, old, new):
    """What needs 8 bytes on one side, or only is stored so, meets what needs 4 on the other."""
    rng = np.random.default_rng(3)
    base = [rng.choice(10**6, 20, replace=False).astype("u8") for _ in range(60)]
    near = [np.concatenate([row[:17], row[:3] + 10**6]) for row in base]
    if new == "u8":
        near.append(np.array([2**40, 2**41], "u8"))
    if old == "u8":
        base.append(np.array([2**40, 2**41], "u8"))
    index = tmp_path / "index"
    run(["--threshold", "0.6", "--save-index", index, "--no-print", write_sets(tmp_path / "o.h5", Sets.of(base, old))]).ok()
    found = join(Sets.of(near, new), f"--index {index}", ranks=2).pairs
    assert ids(found) == [(k, len(base) + k) for k in range(60)]


@pytest.mark.parametrize("layout", ["chunked", "flat"])
def test_other_layouts_of_old_records(join, tmp_path, layout):
    rows = [np.sort(row) for row in families(17, 40, dtype="u4").rows()]
    sets, path, index = Sets.of(rows[:100], "u4"), tmp_path / "old.h5", tmp_path / "index"
    with h5py.File(path, "w") as f:
        if layout == "flat":
            f["train"], f["size_train"] = sets.indices, np.diff(sets.indptr)
        else:
            f.create_dataset("sets/indptr", data=sets.indptr, chunks=(7,), compression="gzip")
            f.create_dataset("sets/indices", data=sets.indices, chunks=(64,), compression="gzip")
    options = "-b 12 -r 3 --threshold 0.4"
    run([*options.split(), "--save-index", index, "--no-print", path]).ok()
    whole = join(Sets.of(rows, "u4"), options).pairs
    found = join(Sets.of(rows[100:], "u4"), f"--index {index}", ranks=2).pairs
    assert (found == whole[whole["right"] >= 100]).all() and len(found) > 20


@pytest.mark.parametrize("kind", ["sets planned", "sets words"])
def test_none_new_and_one_new(join, made, tmp_path, kind):
    old, new, every, index = made(kind)
    assert len(join(Sets.of([[]]), f"--index {index}", ranks=3).pairs) == 0
    with h5py.File(old) as f:
        group = f["sets"]
        row = group["indices"][group["indptr"][3]:group["indptr"][4]]
    found = join(Sets.of([row]), f"--index {index}", ranks=2).pairs
    assert (3, OLD) in ids(found)
    assert found["value"].max() == 1


def test_no_old_records(join, tmp_path):
    index = tmp_path / "index"
    run(["-b", "4", "-r", "2", "--threshold", "0.5", "--save-index", index, "--no-print", write_sets(tmp_path / "o.h5", Sets.of([]))]).ok()
    found = join(Sets.of([[1, 2, 3], [1, 2, 3]]), f"--index {index}", ranks=3)
    assert ids(found.pairs) == [(0, 1)]


def test_the_report_tells_of_indexes(join, made):
    old, new, every, index = made("sets planned")
    report = join(new, f"--index {index}").report
    told, = report["parameters"]["indexes"]
    assert told["index"] == str(index / "index.h5") and told["rows"] == OLD and told["file"] == str(old)
    assert report["parameters"]["threshold"] == "0.5"


# ---- a job that is ended ----------------------------------------------------------------------------------------------

def test_a_checkpoint(join, made, tmp_path):
    old, new, every, index = made("sets planned")
    expected = join(new, f"--index {index}").pairs
    args = ["--index", index, "--round", "4K", "-o", tmp_path / "out", "--checkpoint", tmp_path / "kept", "--checkpoint-every", "0", new]
    died = run(args, 2, program=FAULTS, env={"LSHJOIN_FAULT": "commit:0:2:kill"})
    assert died.rc != 0
    other = run([a if a != new else old for a in args] + ["--resume"], 2)
    assert other.rc == 65
    run([*args, "--resume"], 3).ok()
    assert (read_h5(tmp_path / "out") == expected).all()


def test_a_killed_run_leaves_no_index(tmp_path):
    old = write_sets(tmp_path / "old.h5", families(18, 60))
    index = tmp_path / "index"
    args = ["--threshold", "0.5", "--save-index", index, "--no-print", old]
    died = run(args, 2, program=FAULTS, env={"LSHJOIN_FAULT": "write:1:3:kill"})
    assert died.rc != 0 and not (index / "index.h5").exists()
    run(args, 2).ok()
    assert [f.name for f in index.iterdir()] == ["index.h5"]


def test_words_have_no_checkpoint(made, fails, tmp_path):
    old, new, every, index = made("sets words")
    fails(["--index", index, "--checkpoint", tmp_path / "kept", new], 64, "--index", "--checkpoint")


# ---- what is refused --------------------------------------------------------------------------------------------------

def test_an_index_is_not_overwritten(made, fails):
    old, new, every, index = made("sets words")
    args = [*WORDS["sets words"].split(), "--save-index", index, old]
    fails(args, 73, "--force", out=None, ranks=1)
    run([*args, "--force", "--no-print"]).ok()


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_resumed_job_replaces_its_own_index_only(tmp_path, ranks):
    """It died behind its index; what another job has saved there is not its own, whatever a batch script always says."""
    old, other = (write_sets(tmp_path / f"{seed}.h5", families(seed, 60)) for seed in (18, 19))
    index, kept = tmp_path / "index", ["--checkpoint", tmp_path / "kept", "--checkpoint-every", "0", "--resume"]
    args = ["--threshold", "0.5", "--round", "4K", "--save-index", index, "-o", tmp_path / "out", *kept]
    died = run([*args, old], ranks, program=FAULTS, env={"LSHJOIN_FAULT": "commit:0:1:kill"})
    assert died.rc != 0
    saved, pairs = (index / "index.h5").read_bytes(), tmp_path / "out" / "pairs-00000-of-00001.h5"
    pairs.write_bytes(b"of a run that died before its report")
    shutil.rmtree(tmp_path / "kept")
    data = old.read_bytes()
    for harm, more in (0, [other]), (0, ["--threshold", "0.6", old]), (0, ["--recall", "0.99", old]), (1, [old]):
        with h5py.File(old, "r+") as f:  # of the same shape, with one element of the last set another
            f["sets/indices"][-1] += f["sets/indices"].dtype.type(harm)
        refused = run([*args, *more], ranks)
        assert refused.rc == 73 and "index.h5" in refused.messages[-1], refused.err
        assert (index / "index.h5").read_bytes() == saved and pairs.exists()
    old.write_bytes(data)
    run([*args, old], ranks).ok()
    assert contents(index) and (index / "index.h5").read_bytes() == saved


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_what_an_index_needs_is_an_input(tmp_path, force):
    """Itself, and the file that holds its records."""
    old, new = (write_sets(tmp_path / f"{seed}.h5", families(seed, 60)) for seed in (18, 19))
    index = tmp_path / "index"
    run(["--threshold", "0.5", "--save-index", index, "--no-print", old]).ok()
    before = [f.read_bytes() for f in (old, index / "index.h5")]
    for more in ["--trace", old], ["--trace", index / "index.h5"], ["--save-index", index]:
        refused = run(["--index", index, "--no-print", *force, *more, new], 2)
        assert refused.rc == 73 and ("is an input" in refused.err or not force), refused.err
    assert [f.read_bytes() for f in (old, index / "index.h5")] == before


def test_an_index_and_groups_without_pairs(tmp_path):
    """No pairs are written, but what else is asked for is."""
    old, args = write_sets(tmp_path / "old.h5", families(18, 60)), ["--threshold", "0.5", "--clusters"]
    run([*args, "-o", tmp_path / "whole", old]).ok()
    run([*args, "-o", tmp_path / "out", "--no-print", "--save-index", tmp_path / "index", "--trace", tmp_path / "trace", old]).ok()
    groups = [h5py.File(tmp_path / name / "clusters.h5") for name in ("whole", "out")]
    assert all((groups[0][name][:] == groups[1][name][:]).all() for name in groups[0])
    assert (tmp_path / "out" / "run.json").exists() and (tmp_path / "trace").exists()
    run(["--threshold", "0.5", "--no-print", "--save-index", tmp_path / "alone", "--trace", tmp_path / "trace2", old]).ok()
    assert (tmp_path / "trace2").exists() and (tmp_path / "alone" / "index.h5").exists()


def damaged(index, name, at):
    """A copy of the index with one bit of a list other than it was."""
    copy = index.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(index, copy)
    with h5py.File(copy / "index.h5", "r") as f:
        place, size = f[name].id.get_offset(), f[name].id.get_storage_size()
    with open(copy / "index.h5", "r+b") as f:
        f.seek(place + int(at * (size - 1)))
        byte = f.read(1)[0]
        f.seek(-1, 1)
        f.write(bytes([byte ^ 4]))
    return copy


@pytest.mark.parametrize("kind", ["sets planned", "ip probes"])
def test_damage_is_refused(request, made, fails, kind):
    """In every kind of list, on several ranks in some: all of them are looked at where all records meet."""
    old, new, every, index = made(kind)
    lists = contents(index)
    kinds = {name.replace(name[5:10], "*", 1) if name.startswith("band") else name: name for name in lists if len(lists[name])}
    assert len(kinds) >= 10
    for name in list(kinds.values())[::4 if "3 ranks" in request.node.name else 1]:
        fails(["--index", damaged(index, name, 0.3), old], 65, "index.h5")


@pytest.mark.parametrize("databases", [1, 2])
def test_text_has_no_index(tmp_path, fails, databases):
    """It could not be read a row at a time, and standard input not again."""
    text = "2,6,9\n3,1,2,3\n3,1,2,4\n" * databases
    (tmp_path / "text").write_text(text)
    args = ["--threshold", "0.5", "--save-index", tmp_path / "index", "--no-print"]
    fails([*args, tmp_path / "text"], 65, "is text")
    fails(args, 65, "standard input", "is text", stdin=text)
    assert not (tmp_path / "index" / "index.h5").exists()


def test_new_records_from_standard_input(made):
    """No rank holds the old records, which so have no lines of their own."""
    old, new, every, index = made("sets words")
    pairs = read_tsv(run(["--index", index], stdin="2,6,9\n3,1,2,3\n3,1,2,3\n").ok().out)
    assert ids(pairs) == [(OLD, OLD + 1)]


@pytest.mark.parametrize("name, object", [(b"old\xe9.h5", b"sets"), (b"old.h5", b"s\xe9ts")])
def test_names_that_are_not_utf8(tmp_path, fails, name, object):
    path = tmp_path / os.fsdecode(name)
    write_sets(tmp_path / "plain.h5", families(1, 9)).rename(path)
    with h5py.File(os.fsencode(path), "r+") as f:
        if object != b"sets":
            f.move("sets", object)
    fails(["--threshold", "0.5", "--save-index", tmp_path / "index", "--no-print", path], 65, "UTF-8")
    assert list((tmp_path / "index").iterdir()) == []
    run(["--threshold", "0.5", "-o", tmp_path / "out", path]).ok()
    refused = run(["--threshold", "0.5", "--save-index", tmp_path / "index", "-o", tmp_path / "out", "--force", path])
    assert refused.rc == 65 and len(read_h5(tmp_path / "out"))


@pytest.mark.parametrize("ranks", [1, 3])
def test_two_jobs_told_to_save_the_same(tmp_path, ranks):
    """The second is refused before it removes what the first one is writing."""
    old, index, mark = write_sets(tmp_path / "old.h5", families(18, 60)), tmp_path / "index", tmp_path / "held"
    args = ["--threshold", "0.5", "--save-index", index, "--no-print", old]
    first = start(args, ranks, program=FAULTS, env={"LSHJOIN_FAULT": f"write:{ranks - 1}:3:hold={mark}"})
    try:
        wait_for(mark)
        second = run([*args, "--force"], ranks)
        mark.unlink()
        assert first.wait(timeout=60) == 0
    finally:
        kill(first)
    assert second.rc == 73 and "another run is writing there" in second.err
    run(["--index", index, "--no-print", old], ranks).ok()


def test_the_directory_of_the_output(join, made, tmp_path):
    old, new, every, index = made("sets words")
    run(["--index", index, "--save-index", tmp_path / "out", "-o", tmp_path / "out", new]).ok()
    assert {"index.h5", "run.json"} <= {f.name for f in (tmp_path / "out").iterdir()}
    assert len(join(new, f"--index {tmp_path / 'out'}").pairs) > 0


def test_no_index_and_foreign_files(made, fails, tmp_path):
    old, new, every, index = made("sets planned")
    fails(["--index", tmp_path / "none", new], 66, "none/index.h5")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(old, other / "index.h5")
    fails(["--index", other, new], 65, "no index of lshjoin")
    (other / "index.h5").write_text("text")
    fails(["--index", other, new], (65, 66), "index.h5")
    (other / "index.h5").write_bytes((index / "index.h5").read_bytes()[:-3000])
    fails(["--index", other, new], 65, "index.h5")


def test_another_format(made, fails, monkeypatch):
    """What says of itself that it is of another format, under a right checksum."""
    old, new, every, index = made("sets planned")
    with h5py.File(index / "index.h5", "r+") as f:
        text = bytes(f["about"][:]).replace(b'"format": 2', b'"format": 3')
        f["about"][:] = np.frombuffer(text, "u1")
        f["about.sums"][:] = sums_of(text)
    fails(["--index", index, new], 65, "format 3")


def mix(x):
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9 % 2**64
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb % 2**64
    return x ^ (x >> 31)


def sums_of(data):
    """Of blocks of 16384 bytes: of each word times a number of its place."""
    factor = [mix(0x9e3779b97f4a7c15 * (k + 1) % 2**64) % 2**32 | 1 for k in range(4096)]
    blocks = [data[k:k + 16384] for k in range(0, len(data), 16384)]
    words = lambda b: [int.from_bytes(b[k:k + 4], "little") for k in range(0, len(b), 4)]
    return np.array([sum(f * w for f, w in zip(factor, words(b))) % 2**64 for b in blocks], "u8")


def test_sums_are_what_they_are_said_to_be(made):
    lists = contents(made("sets planned", 3)[3])
    for name in lists:
        if not name.endswith(".sums"):
            assert np.array_equal(lists[name + ".sums"], sums_of(lists[name].tobytes())), name


@pytest.mark.parametrize("name, change", [("row", lambda v: v | 2**31), ("cell", lambda v: v[::-1]), ("cell", lambda v: v + 1)])
def test_lists_that_lie_under_right_sums(made, fails, name, change):
    """Numbers of records that are not there, cells that end before they begin or beyond all keys."""
    old, new, every, index = made("sets planned")
    with h5py.File(index / "index.h5", "r+") as f:
        for band in f["band"].values():
            lying = band["stored"][name][:] = change(band["stored"][name][:])
            band["stored"][name + ".sums"][:] = sums_of(lying.tobytes())
    fails(["--index", index, new], 65, "index.h5", "is damaged")


def test_old_records_that_are_gone_or_changed(made, fails):
    old, new, every, index = made("sets planned")
    was = old.read_bytes()
    old.unlink()
    fails(["--index", index, new], 66, "old.h5", "index.h5")
    old.write_bytes(was + b"more")
    fails(["--index", index, new], 65, "is not what it was", "--save-index")
    old.write_bytes(was)
    with h5py.File(old, "r+") as f:
        f["sets/indices"][:] = f["sets/indices"][:] ^ 1
    fails(["--index", index, new], 65, "is not what it was", "row")


def test_vectors_that_do_not_go_with_the_index(made, fails, tmp_path):
    old, new, every, index = made("ip words")
    x = vectors.read_vectors(new)
    fails(["--index", index, write_vectors(tmp_path / "long.h5", 10 * x)], 65, "norm")
    fails(["--index", index, write_vectors(tmp_path / "short.h5", x[:, :5])], 65, "coordinates")
    fails(["--index", index, write_vectors(tmp_path / "fine.h5", x.astype("f8"))], 65, "8 bytes")
    fails(["--index", index, write_sets(tmp_path / "sets.h5", families(1, 9))], 65)
    fails(["--index", index, "--metric", "cosine", new], 64, "--metric")


@pytest.mark.parametrize("option", ["-b 3 -r 2", "--recall 0.9", "--seed 3", "--exact", "--clusters", "-E", "--dry-run",
                                    "--duplicates groups", "--pool 9", "--against x.h5"])
def test_options_that_do_not_go_with_an_index(made, fails, option):
    old, new, every, index = made("sets planned")
    fails(["--index", index, *option.split(), new], 64, "does not go with it", ranks=1)


@pytest.mark.parametrize("text, said", [("3\nx\n", "line 2"), ("170\n", "line 1"), ("1 2\n", "line 1"), ("-1\n", "line 1")])
def test_deleted_records_that_are_not_there(made, fails, tmp_path, text, said):
    old, new, every, index = made("sets planned")
    (tmp_path / "gone.txt").write_text(text)
    fails(["--index", index, "--deleted", tmp_path / "gone.txt", new], 65, "gone.txt", said)


def test_sets_of_sizes_that_bands_were_not_planned_for(made, fails, tmp_path):
    old, new, every, index = made("sets in others, planned")
    large = write_sets(tmp_path / "large.h5", Sets.of([[1, 2, 3], range(5000)]))
    fails(["--index", index, large], 65, "row", "elements", "planned")


def test_deleted_needs_old_records(tmp_path):
    old = write_sets(tmp_path / "old.h5", families(1, 9))
    (tmp_path / "gone.txt").write_text("1\n")
    assert run(["--threshold", "0.5", "--deleted", tmp_path / "gone.txt", old]).rc == 64
