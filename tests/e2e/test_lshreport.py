"""lshreport: the page says what run.json says, needs nothing else, and takes what names and ids it meets as words."""
import json
import shutil

import h5py
import numpy as np
import pytest

import joins
from joins import read_json
from reporting import SLICE, Page, report


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "out"
    joins.run(["--threshold", 0.7, "--clusters", "--cluster-method", "star", "-o", folder, SLICE], 3).ok()
    return folder


def page_of(*args):
    said = report(*args, "-o", "-")
    assert (said.rc, said.err) == (0, "")
    page = Page(said.out)
    assert page.loads == [] and len(page.ids) == len(set(page.ids))
    return page


def test_the_page_says_what_the_run_says(out):
    said, page = read_json(out), page_of(out)
    assert page.titles[0] == str(SLICE) + " " and page.titles[1:] == [
        "Pairs", "Recall", "Buckets", "Groups", "Memory", "Forecast and fact", "Time", "Sent", "Some pairs"]
    counts = said["counts"]
    for number in (counts["pairs"], counts["records"], counts["candidates"]):
        assert f"{number:,}" in page.words
    assert f"dropped, {said['clusters']['count']:,} kept" in page.words
    assert f"{said['plan']['recall_at_threshold']:.2%}" in page.words
    for words in ("read", "exchange", "cluster", "rank 0", "rank 2", "threshold", "by the law", "similarity", "512+"):
        assert words in page.words, words


def test_ten_pairs_by_their_ids(out):
    pairs = {(a, b): v for a, b, v in joins.read_h5(out).tolist()}
    with h5py.File(SLICE) as f:
        indptr, names = f["ids/indptr"][:].astype(int), f["ids/bytes"][:].tobytes()
    words = page_of(out).words
    words = words[words.index("Some pairs"):]
    shown = [(a, b) for a, b in pairs if str(a) in words and str(b) in words and f"{pairs[a, b]:.6g}" in words]
    assert len(shown) >= 10
    for a, b in shown[:10]:
        for row in (a, b):
            assert names[indptr[row]:indptr[row + 1]].decode() in words


def test_measured_recall(out, tmp_path):
    joins.run(["--threshold", 0.7, "--exact", "-o", tmp_path / "truth", SLICE]).ok()
    truth, found = joins.read_h5(tmp_path / "truth"), joins.read_h5(out)
    (tmp_path / "e.json").write_text(json.dumps({
        "recall": len(found) / len(truth), "bins": [{"from": 0.7, "to": 1, "recall": 0.9, "low": 0.8, "high": 1}]}))
    words = page_of(out, "--eval", tmp_path / "e.json").words
    assert "measured" in words and any(f"measured: {len(found) / len(truth):.4f} of all" in w for w in words)
    assert "measured" not in page_of(out).words
    page = page_of(tmp_path / "truth")
    assert "Buckets" not in page.titles and "Every pair was compared: none is missed." in page.words


@pytest.mark.parametrize("options", [
    "-b 20 -r 5", "--threshold 0.9 --no-print", "--metric l2 --radius 3", "--metric cosine --threshold 0.9 --top-k 2",
    "--metric ip --threshold 20", "--metric containment --threshold 0.9", "--metric l2 --exact --top-k 3", "--metric cosine --threshold 0.999999 --exact"])
def test_every_kind_of_run(options, tmp_path):
    source = SLICE
    if "--metric" in options and "containment" not in options:
        source = tmp_path / "v.h5"
        with h5py.File(source, "w") as f:
            f["vectors"] = np.random.default_rng(1).normal(size=(300, 12)).astype(np.float32)
    joins.run([*options.split(), "-o", tmp_path / "out", source], 2).ok()
    page = page_of(tmp_path / "out")
    assert {"Pairs", "Recall", "Memory", "Time"} <= set(page.titles)


def test_names_are_only_words(tmp_path):
    """Of files, and ids, that look like HTML."""
    source = tmp_path / "<b>&amp;.h5"
    with h5py.File(source, "w") as f:
        f["sets/indptr"], f["sets/indices"] = [0, 2, 4], [1, 2, 1, 2]
        f["ids/indptr"], f["ids/bytes"] = [0, 9, 10], np.frombuffer(b"<script>&x", np.uint8)
    joins.run(["--exact", "--threshold", 1, "-o", tmp_path / "out", source]).ok()
    words = page_of(tmp_path / "out").words
    assert "<script>&"[:9] in words and f"{source} ".strip() in words


def test_many_ranks_fit(out, tmp_path):
    """4,096 ranks: some are shown, the slowest among them."""
    said = read_json(out)
    grow = lambda v: [v[k % 3] for k in range(4096)] if isinstance(v, list) else {k: grow(x) for k, x in v.items()}
    said["by_rank"], said["ranks"] = grow(said["by_rank"]), 4096
    said["by_rank"]["seconds"]["verify"][1234] = 1e4
    (tmp_path / "run.json").write_text(json.dumps(said))
    words = page_of(tmp_path).words
    assert "rank 1234" in words and sum(w.startswith("rank ") for w in words) < 120 and "1234" in words


def test_memory_beside_its_budget(tmp_path):
    for memory, drawn in (("100M", True), ("4G", False)):
        joins.run(["--threshold", 0.8, "--memory", memory, "-o", tmp_path / memory, SLICE]).ok()
        words = page_of(tmp_path / memory).words
        assert any(w.startswith("The most that each rank held at once, of a budget of ") for w in words)
        assert any(w.startswith("budget, ") for w in words) == drawn


def test_where_the_page_goes(out, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(out, copy)
    assert report(copy).rc == 0 and report(copy / "run.json", "-o", tmp_path / "other.html").rc == 0
    assert (copy / "report.html").read_text() == (tmp_path / "other.html").read_text()
    joins.run(["--threshold", 0.7, "-o", copy, "--force", SLICE]).ok()


@pytest.mark.parametrize("args, status, word", [
    ([], 64, "RUN"), (["{}/none"], 66, "none"), (["{}/bad.json"], 65, "bad.json"), (["{}/other.json"], 65, "inputs"),
    (["{}", "--eval", "{}/none.json"], 66, "none.json"), (["{}", "--moon"], 64, "--moon"),
    (["{}", "-o", "{}/no/where.html"], 73, "where.html")])
def test_mistakes_are_told(out, tmp_path, args, status, word):
    shutil.copy(out / "run.json", tmp_path)
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "other.json").write_text("{}")
    said = report(*[a.format(tmp_path) for a in args])
    assert said.rc == status and said.err.startswith("lshreport: ") and said.err.count("\n") == 1 and word in said.err
