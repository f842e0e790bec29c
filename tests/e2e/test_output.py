"""What a run leaves behind: its files, run.json, stdout and stderr, and what an unfinished run must not leave."""
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from joins import NO_ROW, columns, kill, parts, read_h5, read_json, read_tsv, run, start, table
from oracle import Sets, families, write_sets
from vectors import write_vectors

OPTIONS = ["-b", 12, "-r", 4]
MODES = {"bands": [], "similarity": ["--threshold", "0.5"]}
SETS = families(1, 150)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp("in") / "in.h5", SETS)


@pytest.fixture(scope="module")
def heavy(tmp_path_factory):
    """3,000 vectors of one direction: 4.5 million pairs, some 80 MB."""
    return write_vectors(tmp_path_factory.mktemp("heavy") / "in.h5", np.outer(np.arange(1.0, 3001), [1, 0, 0]))


@pytest.fixture(scope="module", params=MODES)
def five(request, source, tmp_path_factory):
    """The directory of a run on five ranks; its third column; do not change it."""
    out = tmp_path_factory.mktemp("five") / "out"
    run([*OPTIONS, *MODES[request.param], "-o", out, source], 5).ok()
    return out, request.param


def names(directory):
    return sorted(p.name for p in directory.iterdir())


def expected_names(files, suffix="h5"):
    return sorted([f"pairs-{k:05}-of-{files:05}.{suffix}" for k in range(files)] + ["run.json"]
                  + ["pairs.h5"] * (suffix == "h5"))


# ---- the files -----------------------------------------------------------------------------------------------------

def test_a_file_for_each_rank_and_nothing_else(five):
    out, _ = five
    assert names(out) == expected_names(5)
    assert sum(len(columns(f)[0]) > 0 for f in parts(out)) > 1, "all pairs in one file: this tests nothing"


def whole_and_parts(directory):
    *whole, third = columns(directory / "pairs.h5")
    pieces = [columns(f) for f in parts(directory, "h5")]
    assert {p[3] for p in pieces} == {third}
    return whole, [np.concatenate(c) for c in list(zip(*pieces))[:3]]


def test_virtual_file_is_all_files_in_order(five):
    whole, pieces = whole_and_parts(five[0])
    assert all((a == b).all() for a, b in zip(whole, pieces))


@pytest.mark.parametrize("files", [1, 2])
def test_ranks_share_files(five, source, tmp_path, files):
    options = [*OPTIONS, *MODES[five[1]], "--files", files, "-o", tmp_path / "out", source]
    run(options, 5).ok()
    assert names(tmp_path / "out") == expected_names(files)
    whole, pieces = whole_and_parts(tmp_path / "out")
    assert all((a == b).all() for a, b in zip(whole, pieces))
    assert table(*whole).tobytes() == table(*whole_and_parts(five[0])[0]).tobytes()


def test_directory_may_move(five, tmp_path, monkeypatch):
    shutil.copytree(five[0], tmp_path / "a" / "b")
    (tmp_path / "a").rename(tmp_path / "c")
    monkeypatch.chdir("/")
    whole, pieces = whole_and_parts(tmp_path / "c" / "b")
    assert len(whole[0]) and all((a == b).all() for a, b in zip(whole, pieces))


def is_fill(value):
    return np.isnan(value) if value.dtype == np.float32 else value == 65535


def test_missing_file_reads_as_no_row(five, tmp_path):
    """Never zeros, which would be a pair (0, 0)."""
    shutil.copytree(five[0], tmp_path / "out")
    pieces = [columns(f) for f in parts(tmp_path / "out")]
    gone = max(range(5), key=lambda k: len(pieces[k][0]))
    parts(tmp_path / "out")[gone].unlink()
    left, right, value, _ = columns(tmp_path / "out" / "pairs.h5")
    lost = np.repeat([k == gone for k in range(5)], [len(p[0]) for p in pieces])
    assert lost.any() and (left[lost] == NO_ROW).all() and (right[lost] == NO_ROW).all() and is_fill(value[lost]).all()
    _, pieces = whole_and_parts(five[0])
    assert all((a[~lost] == b[~lost]).all() for a, b in zip((left, right, value), pieces))


FEW_FILES = """
import os, resource, sys
import h5py, numpy
free = max(map(int, os.listdir("/proc/self/fd"))) + 1
resource.setrlimit(resource.RLIMIT_NOFILE, (free + int(sys.argv[2]), free + int(sys.argv[2])))
with h5py.File(sys.argv[1], "r") as f:
    columns = {name: f[name][:] for name in sorted(f)}
numpy.savez(sys.stdout.buffer, **columns)
"""


@pytest.mark.parametrize("more", [2, 3, 20])
def test_low_limit_of_open_files(five, tmp_path, more):
    """A reader who may not open all files gets an error or `no row`, never zeros."""
    out, third = five
    read = subprocess.run([sys.executable, "-c", FEW_FILES, out / "pairs.h5", str(more)], capture_output=True)
    if read.returncode:
        assert more < 20, read.stderr.decode()
        return
    (tmp_path / "columns.npz").write_bytes(read.stdout)
    got = np.load(tmp_path / "columns.npz")
    _, (left, right, value) = whole_and_parts(out)
    for column, true in (("left", left), ("right", right)):
        assert ((got[column] == true) | (got[column] == NO_ROW)).all()
    assert ((got[third] == value) | is_fill(got[third])).all()
    assert more < 20 or (got["left"] == left).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ranks", [1, 3])
def test_tsv_is_the_h5(source, tmp_path, mode, ranks):
    for form in ("h5", "tsv"):
        run([*OPTIONS, *MODES[mode], "--format", form, "-o", tmp_path / form, source], ranks).ok()
    assert names(tmp_path / "tsv") == expected_names(ranks, "tsv")
    header = f"left\tright\t{mode}\n"
    for text, binary in zip(parts(tmp_path / "tsv"), parts(tmp_path / "h5")):
        form = "%.9g" if mode == "similarity" else "%d"
        rows = [f"{i}\t{j}\t{form % v}\n" for i, j, v in zip(*columns(binary)[:3])]
        assert text.read_text() == header + "".join(rows)
    assert (table(*whole_and_parts(tmp_path / "h5")[0]).tobytes()
            == read_tsv("".join(f.read_text() for f in parts(tmp_path / "tsv"))).tobytes())


# ---- run.json ------------------------------------------------------------------------------------------------------

def test_report(five, source):
    out, third = five
    report = read_json(out)
    version = run(["--version"]).ok().out
    assert report["program"] == "lshjoin" and report["version"] in version
    assert [str(word) for word in OPTIONS] == report["command"][1:5] and report["command"][-1] == str(source)
    given, = report["inputs"]
    assert (given["file"], given["rows"], given["elements"]) == (str(source), len(SETS), len(SETS.indices))
    assert given["object"].strip("/") == "sets" and given["kind"]
    parameters = {"metric": "jaccard", "bands": 12, "rows": 4, "seed": 0, "exclusive": False,
                  "threshold": "0.5" if third == "similarity" else None}
    assert parameters.items() <= report["parameters"].items()
    assert (report["ranks"], report["threads"]) == (5, 1)
    assert report["files"] == [f.name for f in parts(out)]
    assert report["rounds"] >= 1 and report["peak_memory_bytes"] > 1 << 20
    seconds = dict(report["seconds"])
    total = seconds.pop("total")
    assert seconds and all(0 <= s <= total + 0.01 for s in seconds.values())


def test_report_counts(source, tmp_path):
    """The counts are those of the output, and the candidates of a verified run are the pairs of one without."""
    counts = {}
    for mode, options in MODES.items():
        run([*OPTIONS, *options, "-o", tmp_path / mode, source], 3).ok()
        counts[mode] = read_json(tmp_path / mode)["counts"]
        assert counts[mode]["pairs"] == len(whole_and_parts(tmp_path / mode)[0][0])
        empty = int((np.diff(SETS.indptr) == 0).sum())
        assert empty > 0 and counts[mode]["empty_records"] == empty
        assert (counts[mode]["records"], counts[mode]["elements"]) == (len(SETS), len(SETS.indices))
    assert counts["bands"]["pairs"] >= counts["bands"]["candidates"] == counts["similarity"]["candidates"]
    assert 0 < counts["similarity"]["pairs"] < counts["bands"]["pairs"]


@pytest.mark.parametrize("options, low, high", [
    ("--threshold 0.5 -b 12 -r 4", 0.5, 1), ("-b 12 -r 4", 1, 13), ("--exact --top-k 3", 0, 1),
    ("--threshold 0.5 -b 12 -r 4 --round 4K", 0.5, 1)])
def test_report_of_values(source, tmp_path, options, low, high):
    """The histogram is that of the pairs told, in 100 equal steps."""
    run([*options.split(), "-o", tmp_path, source], 3).ok()
    values, pairs = read_json(tmp_path)["values"], read_h5(tmp_path)
    assert (values["from"], values["to"]) == (low, high) and len(values["histogram"]) == 100
    assert values["name"] == columns(parts(tmp_path)[0])[3]
    value = pairs["value"].astype(float)
    steps = np.histogram(np.minimum(value, high - 1e-9), 100, (low, high))[0]
    edges = np.isclose((value - low) / (high - low) * 100 % 1, [[0], [1]], atol=1e-4).any(0).sum()  # in float32
    assert sum(values["histogram"]) == len(pairs) and abs(steps - values["histogram"]).sum() <= 2 * edges


def test_report_of_two_inputs(join):
    report = join([SETS, Sets.of([[1, 2], []])], "-b 4 -r 2 -E -s 9223372036854775807 -t 2 --threshold 0.50").report
    assert [given["rows"] for given in report["inputs"]] == [len(SETS), 2]
    assert report["counts"]["records"] == len(SETS) + 2
    assert report["parameters"]["seed"] == 2**63 - 1 and report["parameters"]["exclusive"] is True
    assert report["parameters"]["threshold"] == "0.50" and report["threads"] == 2


def test_report_of_buckets(join):
    """Groups of 2, 3, 5 and 9 vectors of one direction are as many buckets in each band; one alone is none."""
    groups = [2, 3, 5, 9, 1, 1]
    x = np.array([2.0**i * np.eye(6)[k] for k, size in enumerate(groups) for i in range(size)])
    buckets = join(x, "-b 7 -r 40", ranks=3).report["buckets"]
    assert (buckets["count"], buckets["largest"]) == (4 * 7, 9)
    histogram = buckets["histogram"]
    assert histogram[:3] == [2 * 7, 7, 7] and not any(histogram[3:])


def test_tiny_rounds_are_more_rounds(join):
    few, many = (join(SETS, f"-b 12 -r 4 {bound}", ranks=2).report["rounds"] for bound in ("", "--round 4K"))
    assert 1 <= few < many


# ---- a directory that is already there -----------------------------------------------------------------------------

@pytest.mark.parametrize("ranks", [1, 3])
def test_finished_run_is_not_overwritten(five, source, tmp_path, ranks):
    shutil.copytree(five[0], tmp_path / "out")
    before = {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()}
    refused = run([*OPTIONS, "-o", tmp_path / "out", source], ranks)
    assert refused.rc == 73 and len(refused.messages) == 1 and "--force" in refused.err
    assert {f.name: f.read_bytes() for f in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("form", ["h5", "tsv"])
def test_force_replaces_a_finished_run(five, source, tmp_path, form):
    """Nothing of the five ranks' run is left, and what is not of a run is left alone."""
    out = tmp_path / "out"
    shutil.copytree(five[0], out)
    (out / "notes.txt").write_text("mine")
    run([*OPTIONS, "--force", "--format", form, "-o", out, source], 2).ok()
    assert names(out) == sorted(expected_names(2, form) + ["notes.txt"])
    assert read_json(out)["ranks"] == 2 and (out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("why, status", [("no input", 66), ("no such metric for sets", 65), ("no memory", 69)])
def test_a_run_that_cannot_begin_replaces_nothing(five, source, tmp_path, why, status, ranks):
    """--force is asked for what comes of the new run; what it finds in its way goes when that can be expected."""
    out = tmp_path / "out"
    shutil.copytree(five[0], out)
    before = {f.name: f.read_bytes() for f in out.iterdir()}
    args = {"no input": [tmp_path / "none.h5"], "no such metric for sets": ["--metric", "cosine", source],
            "no memory": ["--memory", "1M", source]}[why]
    failed = run([*OPTIONS, "--force", "-o", out, *args], ranks)
    assert failed.rc == status and len(failed.messages) == 1, failed.err
    assert {f.name: f.read_bytes() for f in out.iterdir()} == before


def test_leftovers_of_a_run_that_died(five, source, tmp_path):
    """What it was writing goes; what it had finished is somebody's, and goes only if asked for."""
    out = tmp_path / "out"
    out.mkdir()
    for name in (".pairs-00001-of-00005.h5.part", ".run.json.part"):
        (out / name).write_bytes(b"half")
    run([*OPTIONS, "-o", out, source], 2).ok()
    assert names(out) == expected_names(2)
    (out / "run.json").unlink()
    refused = run([*OPTIONS, "-o", out, source], 1)
    assert refused.rc == 73 and "--force" in refused.err
    run([*OPTIONS, "-o", out, "--force", source], 1).ok()
    assert names(out) == expected_names(1)


def test_files_of_others_are_left_alone(source, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    mine = ["pairs-notes.txt", "pairs-00000-of-1.h5", "pairs-00000-of-00001.h5.bak", ".pairs.part", "pairs.tsv"]
    for name in mine:
        (out / name).write_text("mine")
    run([*OPTIONS, "-o", out, "--force", source], 1).ok()
    assert names(out) == sorted(expected_names(1) + mine)
    assert all((out / name).read_text() == "mine" for name in mine)


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("ranks", [1, 3])
def test_an_input_is_never_replaced(source, tmp_path, ranks, force):
    kept = tmp_path / "pairs.h5"
    shutil.copy(source, kept)
    refused = run([*OPTIONS, *force, "-o", tmp_path, kept], ranks)
    assert refused.rc == 73 and len(refused.messages) == 1 and "input" in refused.err
    assert kept.read_bytes() == open(source, "rb").read()


def test_one_run_at_a_time(source, tmp_path):
    """A directory that another run holds is refused, whatever is in it; a lock is gone with the run that held it."""
    import fcntl
    import os

    held = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    refused = run([*OPTIONS, "--force", "-o", tmp_path, source], 3)
    assert refused.rc == 73 and "another run" in refused.err and names(tmp_path) == []
    os.close(held)
    run([*OPTIONS, "-o", tmp_path, source], 3).ok()


# ---- stdout and stderr ---------------------------------------------------------------------------------------------

def test_stdout_is_pairs_and_nothing_else(source):
    plain = run([*OPTIONS, source]).ok()
    pairs = read_tsv(plain.out)
    assert len(pairs) and plain.out.startswith("left\tright\tbands\n")
    assert plain.out.count("\n") == len(pairs) + 1
    loud = run([*OPTIONS, "--verbose", "--progress", source]).ok()
    assert loud.out == plain.out and loud.err.count("\n") > plain.err.count("\n")


@pytest.mark.parametrize("ranks", [1, 3])
def test_summary_is_on_stderr(source, tmp_path, ranks):
    said = run([*OPTIONS, "--threshold", "0.5", "-o", tmp_path / "out", source], ranks).ok()
    counts = read_json(tmp_path / "out")["counts"]
    assert said.out == ""
    figures = set(re.findall(r"\d+", re.sub(r"(?<=\d)[,_' ](?=\d{3})", "", said.err)))
    assert {str(counts[what]) for what in ("records", "candidates", "pairs")} <= figures
    assert all(word in said.err for word in ("records", "candidates", "pairs", "read", "write"))
    assert re.search(r"\d [KMG]i?B", said.err), "no memory"
    assert "\r" not in said.err, "a progress line without a terminal"


@pytest.mark.parametrize("ranks", [1, 3])
def test_quiet_is_quiet(source, tmp_path, ranks):
    said = run([*OPTIONS, "--quiet", "-o", tmp_path / "out", source], ranks).ok()
    assert (said.out, said.err) == ("", "")


@pytest.mark.parametrize("ranks", [1, 3])
def test_no_print(source, ranks):
    said = run([*OPTIONS, "--no-print", source], ranks).ok()
    assert said.out == "" and "pairs" in said.err


@pytest.mark.parametrize("ranks", [1, 3])
def test_trace(source, tmp_path, ranks):
    """Each rank's stages, one after the other, as long as run.json says."""
    run([*OPTIONS, "--trace", tmp_path / "trace.json", "--threshold", "0.5", "-o", tmp_path / "out", source], ranks).ok()
    events, report = json.loads((tmp_path / "trace.json").read_text()), read_json(tmp_path / "out")
    assert {e["args"]["name"] for e in events if e["name"] == "process_name"} == {f"rank {r}" for r in range(ranks)}
    spans = [e for e in events if e["ph"] == "X"]
    for rank in range(ranks):
        own = [e for e in spans if e["pid"] == rank]
        assert all(a["ts"] + a["dur"] <= b["ts"] + 0.01 for a, b in zip(own, own[1:]))
        for stage, seconds in report["by_rank"]["seconds"].items():
            traced = sum(e["dur"] for e in own if e["name"] == stage) / 1e6
            assert stage == "total" or abs(traced - seconds[rank]) < 1e-3
        assert sum(e["args"]["bytes_sent"] for e in own) == report["by_rank"]["counts"]["bytes_sent"][rank]
    assert [f.name for f in tmp_path.iterdir() if "part" in f.name] == []


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_trace_replaces_nothing_by_mistake(source, tmp_path, ranks):
    data, other = shutil.copy(source, tmp_path / "in.h5"), tmp_path / "other"
    other.write_text("mine")
    (tmp_path / "other.part").write_text("mine, too")
    before = {f.name: f.read_bytes() for f in tmp_path.iterdir()}
    for file, options, why in ((data, [], "is an input"), (data, ["--force"], "is an input"), (other, [], "--force"),
                               ("/dev/null", ["--force"], "no regular file")):
        said = run([*OPTIONS, "--no-print", "--trace", file, *options, data], ranks)
        assert said.rc == 73 and len(said.messages) == 1 and why in said.messages[0], said.err
    assert {f.name: f.read_bytes() for f in tmp_path.iterdir()} == before
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for place, options in (("out/run.json", ["-o", "out"]), ("out/pairs.h5", ["-o", "out"]), ("link", ["--no-print"]),
                           ("index/index.h5", ["--save-index", "index", "--no-print"]),
                           ("kept/state.json", ["--checkpoint", "kept", "--no-print"])):
        (tmp_path / "out").mkdir(exist_ok=True)
        said = run([*OPTIONS, "--threshold", "0.5", "--trace", place, "--force", *options, data], ranks, cwd=tmp_path)
        assert said.rc == 73 and len(said.messages) == 1 and place in said.messages[0], said.err
    run([*OPTIONS, "--no-print", "--trace", other, "--force", data], ranks).ok()
    assert json.loads(other.read_text()) and (tmp_path / "other.part").read_text() == "mine, too"


def test_a_trace_that_cannot_be_written(source, tmp_path):
    said = run([*OPTIONS, "--trace", tmp_path / "none" / "trace.json", "-o", tmp_path / "out", source], 3)
    assert said.rc == 73 and "trace.json" in said.err and not (tmp_path / "out" / "run.json").exists()
    assert run([*OPTIONS, "--trace", tmp_path / "t.json", tmp_path / "none.h5"]).rc == 66
    assert [f.name for f in tmp_path.glob("t.json*")] == []


def test_progress_in_a_log(source):
    """A line for each part of the job with --progress; without it one a minute, of which this has none."""
    assert re.findall(r"^lshjoin: (\w+): 0%$", run([*OPTIONS, "--progress", "--no-print", source]).ok().err, re.M) == [
        "read", "sign", "join"]
    assert "%" not in run([*OPTIONS, "--no-print", source]).ok().err


def test_progress_line_on_a_terminal(heavy):
    master, slave = pty.openpty()
    process = start(["-b", 2, "-r", 2, "--no-print", heavy], stdout=subprocess.DEVNULL, stderr=slave)
    os.close(slave)
    seen = b""
    try:
        while chunk := os.read(master, 4096):
            seen += chunk
    except OSError:  # the terminal's other end is closed
        pass
    os.close(master)
    assert process.wait(60) == 0
    assert re.search(rb"\r\w+: join \(\w+\): \d+%, \d+ candidates, \S+ a second, \S+ left", seen), seen


def test_help_and_version():
    said = run(["--help"]).ok()
    assert said.err == "" and all(option in said.out for option in
                                  ("--bands", "--rows", "--seed", "--threads", "--exclusive", "--threshold", "--output",
                                   "--format", "--force", "--no-print", "--round", "--files", "--quiet"))
    assert re.match(r"lshjoin \d+\.\d+", run(["--version"]).ok().out)


# ---- runs that end early -------------------------------------------------------------------------------------------

def unfinished(out):
    return not (out / "run.json").exists() and not (out / "pairs.h5").exists()


@pytest.mark.parametrize("ranks", [1, 3])
def test_killed_run_does_not_look_finished(heavy, tmp_path, ranks):
    out = tmp_path / "out"
    process = start(["-b", 2, "-r", 2, "--round", "4K", "-o", out, heavy], ranks)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline and not (out.is_dir() and any(out.iterdir())):
        time.sleep(0.001)
    kill(process)
    assert process.returncode not in (0, None), "it was done before it could be killed: make the data larger"
    assert unfinished(out)
    run(["-b", 1, "-r", 1, "--threshold", "1", "-o", out, write_sets(tmp_path / "in.h5", SETS)], ranks).ok()
    assert names(out) == expected_names(ranks)


@pytest.mark.parametrize("form", ["h5", "tsv"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_failing_write_ends_the_run(heavy, tmp_path, ranks, form):
    """No file may grow beyond 4 MB. (Shared memory between ranks would be such a file: they talk over TCP.)"""
    out = tmp_path / "out"
    limit = ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -f 8192; exec "$0" "$@"']
    failed = run(["-b", 2, "-r", 2, "--format", form, "-o", out, heavy], ranks, wrap=limit,
                 env={"OMPI_MCA_btl": "self,tcp"})
    assert failed.rc == 74 and len(failed.messages) == 1 and "pairs-0" in failed.err
    assert unfinished(out) and parts(out) == []


@pytest.mark.parametrize("what", ["pairs", "help"])
def test_full_stdout_is_an_error(source, what):
    with open("/dev/full", "wb") as full:
        failed = run([*OPTIONS, source] if what == "pairs" else ["--help"], stdout=full)
    assert failed.rc == 74 and len(failed.messages) == 1
