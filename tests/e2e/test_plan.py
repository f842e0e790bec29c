"""--threshold and --recall: bands, rows, pool and probes that keep what they promise; --dry-run tells the same.

Pairs are planted exactly at the threshold, the pair k in row k of two inputs. All pairs of a run share its hash functions
and its draw of bands, so the trials are seeds: compared is the mean over seeds of the share that a run finds, whose
spread is seen between the runs. A plan of bands that read words is made once; the many seeds are given its numbers, and no
threshold, so that no rounding of a coordinate decides whether a pair is kept. A plan of sketches is made for every seed,
for a threshold that no rounding brings below the planted pairs."""
import re
import zlib
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from scipy.stats import norm

from joins import PATIENCE, ROOT, read_h5, read_json, run
from oracle import (Sets, brute_force, families, law, law_drawn, law_pooled, law_sketch, mhash_text, write_flat, write_sets,
                    zipf_pairs)
from vectors import clusters, ids, p_cosine, p_l2, p_parity, write_vectors

SEEDS, PAIRS, UNION = 6, 120, 200
THRESHOLDS, RECALLS = [0.5, 0.7, 0.8, 0.9, 0.95], [0.8, 0.9, 0.95, 0.99]
CASES = [(metric, s, p) for k, s in enumerate(THRESHOLDS) for j, p in enumerate(RECALLS)
         for metric in ["jaccard", "cosine", "l2", "ip"]
         if metric == "jaccard" or (j + k) % 4 == ["cosine", "l2", "ip"].index(metric)]
SIGMAS = norm.isf(0.001 / 2 / len(CASES)) * 1.1  # 99.9% over all cases; the variance is estimated
SLICE = ROOT / "data" / "debian-slice.h5"
PARAMETERS = ["bands", "rows", "pool", "probes", "symbol_bits", "cut"]


def bound(metric, s):
    return ["--metric", metric, "--radius" if metric == "l2" else "--threshold", s]


# ---- what a dry run says ------------------------------------------------------------------------------------------

NUMBER = r"[0-9.e+-]+"


def told(text):
    """The plan and the forecast of a dry run, by name."""
    t = dict.fromkeys(PARAMETERS, 0)
    for pattern in [r"plan +(?P<bands>\d+) bands of (?P<rows>\d+) rows", r"from a pool of (?P<pool>\d+) hash values",
                    r"of sketches of (?P<pool>\d+) symbols of (?P<symbol_bits>\d+) bit", r"candidate agrees in (?P<cut>\d+)",
                    r", (?P<probes>\d+) probes", r"sample +(?P<sampled>\d+) pairs",
                    rf"recall +(?P<recall>{NUMBER}) .* (?P<above>{NUMBER}) expected",
                    rf"expected +(?P<candidates>{NUMBER}) candidates \((?P<copies>{NUMBER}) with",
                    rf"copies\), (?P<pairs>{NUMBER}) pairs", rf"ranks +(?P<ranks>\d+) of (?P<threads>\d+) thread",
                    rf"(?P<rounds>\d+) rounds? of exchange, (?P<sent>{NUMBER}) MB",
                    rf"write (?P<write>{NUMBER}): (?P<seconds>{NUMBER}) in all",
                    rf"memory of a rank +(?P<memory>{NUMBER}) MB", rf"  records +(?P<records>{NUMBER}) MB",
                    rf"exact would need some (?P<exact>{NUMBER}) s"]:
        found = re.search(pattern, text)
        if found:
            t.update({k: float(v) for k, v in found.groupdict().items()})
    assert "bands" in t and "memory" in t, text
    return t


def dry(args, ranks=1, **how):
    said = run(["--dry-run", *args], ranks, timeout=60, **how).ok()
    assert said.err == ""
    return told(said.out)


def parameters(t):
    return [int(t.get(name, 0)) for name in PARAMETERS]


# ---- planted pairs -------------------------------------------------------------------------------------------------

def sets_at_thresholds():
    """Pairs of disjoint elements, sets of a union of UNION elements."""
    left, right = [], []
    for k in range(PAIRS * len(THRESHOLDS)):
        common = round(THRESHOLDS[k % len(THRESHOLDS)] * UNION)
        length = (UNION + common + 1) // 2
        row = np.arange(k * UNION, (k + 1) * UNION)
        left.append(row[:length])
        right.append(row[length - common:])
    return [Sets.of(left, "u4"), Sets.of(right, "u4")]


def vectors_at_thresholds(metric):
    """Unit vectors whose cosine (and product) is the threshold, or long ones at that distance; eight pairs of a plane,
    turned in it, and each plane orthogonal to the others."""
    n = PAIRS * len(THRESHOLDS)
    value, plane = np.tile(THRESHOLDS, PAIRS), 2 * (np.arange(n) // 8)
    left, right = np.zeros((2, n, 2 * (n // 8 + 1)), "f4")
    turn = np.random.default_rng(2).uniform(0, 2 * np.pi, n)
    length, angle = (20, 0) if metric == "l2" else (1, np.arccos(value))
    for x, at in ((left, turn), (right, turn + angle)):
        x[np.arange(n), plane], x[np.arange(n), plane + 1] = np.cos(at) * length, np.sin(at) * length
    if metric == "l2":
        right[np.arange(n), plane] += value
    return left, right


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Two files for each metric."""
    folder = tmp_path_factory.mktemp("in")
    files = {"jaccard": [write_sets(folder / f"sets{k}.h5", s) for k, s in enumerate(sets_at_thresholds())]}
    for metric in ["cosine", "l2", "ip"]:
        files[metric] = [write_vectors(folder / f"{metric}{k}.h5", x)
                         for k, x in enumerate(vectors_at_thresholds(metric))]
    return files


def shares(inputs, metric, s, plan, folder, p=None):
    """The share of the planted pairs at s that each seed finds."""
    bands, rows, pool, probes, symbol_bits, _ = plan
    options = ["--metric", metric, "-b", bands, "-r", rows, *(["--pool", pool] if pool else []),
               *(["--probes", probes] if probes else []), *(["--width", 4 * s] if metric == "l2" else [])]
    if symbol_bits:
        near = {"jaccard": s, "cosine": s - 1e-5, "l2": s * (1 + 1e-5)}[metric]
        options = [*bound(metric, f"{near:.8g}"), "--recall", p]

    def one(seed):
        out = folder / f"seed{seed}-{probes}"
        run([*options, "-s", 100 + seed, "--quiet", "-o", out, *inputs]).ok()
        pairs = read_h5(out)
        found = np.zeros(PAIRS * len(THRESHOLDS), bool)
        found[pairs["left"][pairs["left"] == pairs["right"]]] = True
        share = found.reshape(PAIRS, -1)[:, THRESHOLDS.index(s)].mean()
        own = parameters(read_json(out)["parameters"])  # another sample may make another plan
        return share if own == plan or not symbol_bits else share - law_of(metric, s, own) + law_of(metric, s, plan)

    with ThreadPoolExecutor(3) as workers:
        return np.array(list(workers.map(one, range(SEEDS))))


def allowed(found, expected):
    """How far from what is expected the mean may be: spread is that between seeds, at least that of independent
    pairs."""
    return SIGMAS * np.sqrt(max(found.var(ddof=1), expected * (1 - expected) / PAIRS) / SEEDS)


def law_of(metric, s, plan):
    bands, rows, pool, _, symbol_bits, cut = plan
    if symbol_bits:
        p = {"jaccard": s + (1 - s) / 256, "l2": p_parity(s, 4 * s)}.get(metric, p_cosine(s))
        return law_sketch(p, bands, rows, pool, cut)
    p = np.float64({"jaccard": s, "l2": p_l2(s, 4 * s)}.get(metric, p_cosine(s)))
    return law_pooled(p, bands, rows, pool) if pool and bands * rows > pool else law(p, bands, rows)


def check_promise(inputs, metric, s, p, folder):
    run([*bound(metric, s), "--recall", p, "--quiet", "-o", folder, *inputs]).ok()
    report = read_json(folder)
    plan, promised = parameters(report["parameters"]), report["plan"]["recall_at_threshold"]
    assert report["plan"]["recall_asked"] == p <= promised <= report["plan"]["recall_above_threshold"] <= 1 + 1e-9
    assert plan[3] == 0 and abs(promised - law_of(metric, s, plan)) < 1e-6
    found = shares(inputs, metric, s, plan, folder, p)
    assert abs(found.mean() - promised) < allowed(found, promised), (p, plan, promised, found)


@pytest.mark.parametrize("metric, s", dict.fromkeys(case[:2] for case in CASES))
def test_promise(planted, tmp_path, metric, s):
    with ThreadPoolExecutor(4) as workers:  # starting is mostly waiting
        list(workers.map(lambda p: check_promise(planted[metric], metric, s, p, tmp_path / str(p)),
                         [p for *of, p in CASES if of == [metric, s]]))


@pytest.mark.parametrize("ranks", [1, 3])
def test_promise_where_a_few_elements_are_in_nearly_all_sets(tmp_path, ranks):
    """Which makes some bands dear. They are not drawn, though the pairs share such elements, and the promise holds."""
    pairs, seeds = 200, 12 if ranks == 1 else 1
    path = write_sets(tmp_path / "in.h5", zipf_pairs(1, pairs, 6000))

    def one(seed):
        out = tmp_path / f"{ranks}-{seed}"
        run(["--threshold", 0.3333, "--recall", 0.97, "-s", seed, "--quiet", "-o", out, path], ranks).ok()
        found, report = read_h5(out), read_json(out)
        planted = (found["left"] % 2 == 0) & (found["left"] < 2 * pairs) & (found["right"] == found["left"] + 1)
        own, promised = report["parameters"], report["plan"]["recall_at_threshold"]
        kept = bands_kept(own)
        assert promised >= 0.97 and len(kept) in (0, own["bands"]) and {len(band) for band in kept} <= {own["rows"]}
        assert not kept or abs(promised - law_drawn(0.3333 + 0.6667 / 256, kept, 64, own["cut"])) < 0.012
        return planted.sum() / pairs, promised, kept

    with ThreadPoolExecutor(2) as workers:
        found, promised, kept = zip(*workers.map(one, range(seeds)))
    if ranks == 1:
        assert np.mean([len(bands) > 0 for bands in kept]) > 0.7
        assert np.mean(found) > np.mean(promised) - allowed(np.array(found), 0.97), (found, promised)
    else:
        run(["--threshold", 0.3333, "--recall", 0.97, "-s", 0, "--quiet", "-o", tmp_path / "one", path]).ok()
        assert kept[0] == bands_kept(read_json(tmp_path / "one")["parameters"]) != []


def bands_kept(parameters):
    """Their symbols, where some were left out."""
    return [list(map(int, band.split())) for band in parameters.get("bands_kept", [])]


# ---- plans for more than the planted pairs: with a pool, or with probes --------------------------------------------

def planned_elsewhere(metric, s, p, background, rows, folder, left, *options):
    """The plan for two inputs with so many rows like those of `background`, of which `left` are the first's."""
    write = write_sets if metric == "jaccard" else write_vectors
    files = [write(folder / f"background{k}.h5", Sets.of(part, "u4") if metric == "jaccard" else part)
             for k, part in enumerate([background[:left], background[left:]])]
    t = dry([*bound(metric, s), "--recall", p, *options, "--assume-rows", rows, *files])
    return parameters(t), t["recall"]


@pytest.mark.parametrize("metric, s, p, rows", [("jaccard", 0.5, 0.8, 10**5), ("jaccard", 0.7, 0.95, 10**7),
                                                ("ip", 0.8, 0.99, 2000)])
def test_promise_of_a_pool(planted, tmp_path, metric, s, p, rows):
    """Long records, which share a little by chance, are dear to hash by values of 32 bits."""
    rng = np.random.default_rng(4)
    background = [rng.permutation(8000)[:800] for _ in range(300)] if metric == "jaccard" else \
        rng.standard_normal((300, 1000)).astype("f4") / np.sqrt(1000)
    classic = ["--minhash", "classic"] if metric == "jaccard" else []
    plan, promised = planned_elsewhere(metric, s, p, background, rows, tmp_path, 150, *classic)
    if metric == "ip":  # the law of these is that of the planted ones only where all norms are 1
        promised = law_of(metric, s, plan)
    assert plan[2] > 0 and plan[4] == 0 and promised >= p - 1e-4, plan
    found = shares(planted[metric], metric, s, plan, tmp_path)
    assert abs(found.mean() - law_of(metric, s, plan)) < allowed(found, promised), (plan, promised, found)
    assert abs(promised - law_of(metric, s, plan)) < 1e-4


@pytest.mark.parametrize("s, bands, rows", [(0.5, 60, 4), (0.7, 12, 5), (0.8, 20, 12), (0.9, 1, 3)])
def test_given_bands_of_sketches(planted, tmp_path, s, bands, rows):
    """--minhash fast with -b and -r: side by side or sharing symbols, without a cut."""
    def one(seed):
        out = tmp_path / f"seed{seed}"
        run(["--minhash", "fast", "-b", bands, "-r", rows, "--threshold", s, "-s", seed, "--quiet", "-o", out,
             *planted["jaccard"]]).ok()
        pairs = read_h5(out)
        own = pairs["left"][pairs["left"] == pairs["right"]].astype(int)
        return (own % len(THRESHOLDS) == THRESHOLDS.index(s)).sum() / PAIRS

    with ThreadPoolExecutor(3) as workers:
        found = np.array(list(workers.map(one, range(SEEDS))))
    promised = min(1, law_of("jaccard", s, [bands, rows, 64, 0, 8, 0]))
    assert abs(found.mean() - promised) < allowed(found, promised), (promised, found)


@pytest.mark.parametrize("metric, s, p, spread", [("ip", 0.5, 0.99, 0.02), ("ip", 0.7, 0.9, 0.03)])
def test_promise_of_probes(planted, tmp_path, metric, s, p, spread):
    """Where few records meet many near ones it pays to probe, which the left input does. The recall promised is a lower
    bound."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((400, 250)) * spread
    x[:, 0] += 1
    background = (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("f4")
    plan, promised = planned_elsewhere(metric, s, p, background, 50000, tmp_path, 20)
    assert plan[3] > 0 and promised >= p - 1e-4, plan
    found = shares(planted[metric], metric, s, plan, tmp_path)
    assert found.mean() > promised - allowed(found, promised), (plan, promised, found)
    plain = shares(planted[metric], metric, s, [*plan[:3], 0, 0, 0], tmp_path)
    assert plain.mean() < p - allowed(plain, p)  # the probes are needed


# ---- one plan, one answer ------------------------------------------------------------------------------------------

RUNS = [(1, 1, {}), (1, 4, {}), (2, 4, {}), (3, 4, {}), (5, 1, {}), (1, 1, {"LSHJOIN_SIMD": "scalar"}),
        (1, 1, {"LSHJOIN_SIMD": "avx2"}), (3, 1, {"LSHJOIN_SIMD": "avx512"})]


def given(name, folder):
    """(inputs, options). All have more rows than a sample's least; but for ip: a dry run knows the sample's largest norm
    only."""
    if name == "sets":
        return [write_sets(folder / "in.h5", families(1, 1400))], ["--threshold", 0.8]
    if name == "two inputs":
        rows = families(2, 2500).rows()
        return [write_sets(folder / "left.h5", Sets.of(rows[:4000])),
                write_sets(folder / "right.h5", Sets.of(rows[4000:]))], ["--threshold", 0.7, "--recall", 0.9]
    x = write_vectors(folder / "in.h5", clusters(1, 1000 if name == "ip" else 1500))
    limit = {"cosine": "--threshold 0.95", "l2": "--radius 0.2", "ip": "--threshold 1.2 --recall 0.8"}[name]
    return [x], ["--metric", name, *limit.split()]


@pytest.mark.parametrize("name", ["sets", "two inputs", "cosine", "l2", "ip"])
def test_one_plan_and_one_answer(tmp_path, name):
    inputs, options = given(name, tmp_path)

    def answer(k):
        ranks, threads, env = RUNS[k]
        out = tmp_path / f"out{k}"
        run([*options, "-t", threads, "--quiet", "-o", out, *inputs], ranks, env=env).ok()
        report = read_json(out)
        for of_shape in ("core_seconds", "bytes_sent", "peak_memory_bytes"):
            del report["plan"][of_shape]
        return report["parameters"], report["plan"], read_h5(out).tobytes()

    with ThreadPoolExecutor(2) as workers:
        first, *others = workers.map(answer, range(len(RUNS)))
        assert len(first[2]) > 0
        for (ranks, threads, env), other in zip(RUNS[1:], others):
            assert other == first, f"{ranks} ranks, {threads} threads, {env}"
        for ranks, t in zip([1, 3], workers.map(lambda n: dry([*options, *inputs], n), [1, 3])):
            assert parameters(t) == parameters(first[0]) and t["ranks"] == ranks
            assert t["recall"] == pytest.approx(first[1]["recall_at_threshold"], abs=1e-4)
            assert t["above"] == pytest.approx(first[1]["recall_above_threshold"], abs=1e-4)
            for told_as, name in [("candidates", "candidates"), ("copies", "candidate_copies"), ("pairs", "pairs")]:
                assert t[told_as] == pytest.approx(first[1][name], rel=0.01, abs=1e-9)


def test_the_seed_draws_the_sample(tmp_path):
    """And so may change what is expected, but no promise; the pairs compared are those of 5,000 rows or so."""
    said = [dry(["--threshold", 0.8, "-s", seed, SLICE]) for seed in (0, 1)]
    assert said[0]["sampled"] != said[1]["sampled"]
    for t in said:
        assert t["recall"] >= 0.95 and 4800 * 4799 / 2 < t["sampled"] < 5200 * 5199 / 2


# ---- a dry run -----------------------------------------------------------------------------------------------------

FORMS = ["csr", "flat", "AnnData", "text", "text on stdin", "vectors", "two inputs", "two texts"]


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_dry_run_of_all_forms(tmp_path, form, ranks):
    """The same set of sets gives the same plan, whatever holds it; and nothing is written."""
    sets = families(5, 300, dtype="u4")
    sets.indices = sets.indices % 100000
    path, options, stdin = tmp_path / "in.h5", ["--threshold", 0.8], None
    inputs = [path]
    if form == "flat":
        write_flat(path, sets)
    elif form == "AnnData":
        write_sets(path, sets, group="X", data=True, indices="i4",
                   attrs={"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [len(sets), 100000]})
    elif form == "vectors":
        write_vectors(path, clusters(5, 300))
    elif form.startswith("text"):
        path.write_text(mhash_text(sets, 100000))
        options = [*options, "-E"]  # one database, not two
        if form != "text":
            inputs, stdin = ["-"], path.read_bytes()
    else:
        write_sets(path, sets)
    if form.startswith("two"):
        other = tmp_path / "other.h5"
        if form == "two texts":
            path.write_text(mhash_text(sets, 100000))
            other.write_text(mhash_text(sets, 100000))
        else:
            write_sets(other, sets)
        inputs = [path, other]
    before = {f: f.stat().st_mtime_ns for f in tmp_path.iterdir()}
    t = dry([*options, "-o", tmp_path / "out", *inputs], ranks, stdin=stdin, cwd=tmp_path)
    assert {f: f.stat().st_mtime_ns for f in tmp_path.iterdir()} == before
    full = len({tuple(np.unique(row)) for row in sets.rows()} - {()})  # one of each, and an empty one is no row to compare
    if form != "vectors":
        assert t["sampled"] == (full * full if form.startswith("two") else full * (full - 1) / 2)
    real = run([*options, "--quiet", "-o", tmp_path / "out", *inputs], ranks, stdin=stdin).ok()
    report = read_json(tmp_path / "out")
    assert real.out == "" and parameters(report["parameters"]) == parameters(t)
    assert t["candidates"] == pytest.approx(report["plan"]["candidates"], rel=0.01)


def write_alike(group, name, shape, chunk, value, dtype):
    """A dataset of one value: every chunk is the same compressed bytes."""
    d = group.create_dataset(name, shape, dtype, chunks=chunk, compression=1)
    packed = zlib.compress(np.full(chunk, value, dtype).tobytes(), 1)
    for first in range(0, shape[0], chunk[0]):
        d.id.write_direct_chunk((first, *[0] * (len(shape) - 1)), packed)


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """10^7 rows, which are next to nothing on disk."""
    path, n = tmp_path_factory.mktemp("in") / "endless.h5", 10**7
    with h5py.File(path, "w") as f:
        g = f.create_group("sets")
        g.create_dataset("indptr", data=np.arange(n + 1, dtype="i8") * 64, chunks=(1 << 16,), compression=1)
        write_alike(g, "indices", (64 * n,), (1 << 18,), 7, "u4")
        write_alike(f, "vectors", (n, 64), (4096, 64), 1, "f4")
    return path


@pytest.mark.skipif(PATIENCE > 1, reason="sanitizers take a terabyte of addresses")
@pytest.mark.parametrize("object, ranks", [("sets", 1), ("vectors", 3)])
def test_dry_run_reads_little(endless, tmp_path, object, ranks):
    """Of a file whose rows would be 2.56 GB of memory a process of 1 GB can tell all."""
    limited = ["bash", "-c", "ulimit -v 2500000; exec \"$0\" \"$@\""]
    t = dry(["--threshold", 0.9, f"{endless}:/{object}"], ranks, wrap=limited)
    assert t["records"] >= 2500 / ranks
    assert t["pairs"] == pytest.approx(5e13, rel=0.1)  # all are equal


def test_assumed_rows_and_ranks():
    plain, more = (dry(["--threshold", 0.9, *assume, SLICE]) for assume in ([], ["--assume-rows", 700000]))
    assert more["candidates"] > 100 * plain["candidates"] and more["seconds"] > 100 * plain["seconds"]
    fixed = ["-b", 20, "-r", 5, "--threshold", 0.7]
    base = dry([*fixed, SLICE])
    times = dry([*fixed, "--assume-rows", 70000, SLICE])
    for name in ("candidates", "copies", "pairs"):  # of every pair there are a hundred
        assert times[name] == pytest.approx(100 * base[name], rel=0.02)
    assert times["sampled"] == base["sampled"]
    assert times["records"] == pytest.approx(10 * base["records"], rel=0.2)
    one = dry([*fixed, "--assume-rows", 7000000, "--assume-ranks", 1, SLICE])
    many = dry([*fixed, "--assume-rows", 7000000, "--assume-ranks", 100, SLICE])
    assert parameters(one) == parameters(many) and one["candidates"] == many["candidates"]
    assert one["ranks"] == 1 and many["ranks"] == 100
    assert many["records"] == pytest.approx(one["records"] / 100, rel=0.2) and many["memory"] < one["memory"] / 3
    assert many["seconds"] == pytest.approx(one["seconds"] / 100, rel=0.1)
    assert one["sent"] == 0 < many["sent"] and many["rounds"] < one["rounds"]
    planned = [dry(["--threshold", 0.8, "--assume-rows", 10**7, "--assume-ranks", n, SLICE]) for n in (1, 1000)]
    assert parameters(planned[0]) == parameters(planned[1])  # a plan knows no ranks


def test_dry_run_without_a_threshold():
    """What is written then are the candidates, at the same rate."""
    t, known = dry(["-b", 10, "-r", 3, SLICE]), dry(["-b", 10, "-r", 3, "--threshold", 0.5, SLICE])
    assert "pairs" not in t and "recall" not in t and t["candidates"] == known["candidates"]
    assert t["write"] == pytest.approx(t["candidates"] * known["write"] / known["pairs"], rel=0.1)


# ---- forecast beside fact ------------------------------------------------------------------------------------------

def check_forecast(args, folder, ranks=1):
    """As told before, and as a planned run puts it beside the fact."""
    out = folder / f"out{len(list(folder.iterdir()))}"
    run([*args[:-1], "--quiet", "-o", out, args[-1]], ranks).ok()
    t, report = dry(args, ranks), read_json(out)
    counts, plan = report["counts"], report["plan"]
    for name, what, fact in [("candidates", t["candidates"], counts["candidates"]),
                             ("candidates", plan["candidates"], counts["candidates"]),
                             ("copies", t["copies"], counts["candidate_copies"]),
                             ("copies", plan["candidate_copies"], counts["candidate_copies"]),
                             ("memory", t["memory"], report["peak_memory_bytes"] / 1e6)]:
        if name == "memory" and PATIENCE > 1:
            continue  # sanitizers hold a multiple
        assert fact / 2 <= what <= fact * 2, f"{name}: {what} told, {fact} in fact: {args}"


@pytest.mark.parametrize("threshold, ranks", [(0.5, 1), (0.8, 1), (0.8, 3), (0.95, 1)])
def test_forecast_of_descriptions(tmp_path, threshold, ranks):
    check_forecast(["--threshold", threshold, SLICE], tmp_path, ranks)


def test_forecast_of_sets(tmp_path):
    """A sample of a fifth. (Families of a few would have few pairs in it.)"""
    sets = families(8, 600, members=40)
    check_forecast(["--threshold", 0.6, write_sets(tmp_path / "in.h5", sets)], tmp_path)


@pytest.mark.parametrize("half", ["empty", "bad"])
def test_forecast_of_rows_left_out(tmp_path, half):
    """They are no rows to pair, in a real run and in a dry one."""
    if half == "empty":
        rows = families(6, 40, members=25).rows()
        return check_forecast(["--threshold", 0.6, write_sets(tmp_path / "in.h5", Sets.of(
            [row if k % 3 == 0 else [] for k, row in enumerate(rows)]))], tmp_path)
    x = clusters(4, 50, members=40)
    x[np.arange(len(x)) % 3 > 0] = np.nan
    check_forecast(["--threshold", 0.9, "--skip-bad-rows", write_vectors(tmp_path / "in.h5", x)], tmp_path)


@pytest.mark.parametrize("limit", ["cosine --threshold 0.9", "l2 --radius 0.2"])
def test_forecast_of_vectors(tmp_path, limit):
    x = write_vectors(tmp_path / "in.h5", clusters(9, 600, members=20, dim=60))
    check_forecast(["--metric", *limit.split(), x], tmp_path)


# ---- usage ---------------------------------------------------------------------------------------------------------

USAGE = [
    ("--threshold 0.8 --recall 0", ["--recall"]), ("--threshold 0.8 --recall 1.5", ["--recall", "1.5"]),
    ("--threshold 0.8 --recall x", ["--recall", "'x'"]), ("--threshold 0.8 --recall -0.5", ["--recall"]),
    ("--threshold 0.8 --recall 0.9x", ["--recall"]), ("--threshold 0.8 --recall nan", ["--recall"]),
    ("--threshold 0.8 --recall 0x1p-1", ["--recall"]),
    ("--threshold 0.8 --recall 0.9 -b 4 -r 2", ["--recall", "--bands"]), ("--threshold 0.8 -b 4", ["--rows"]),
    ("--threshold 0.8 -r 4", ["--bands"]), ("", ["--bands", "--rows", "--threshold"]),
    ("--recall 0.9", ["--threshold"]), ("--threshold 0.8 --pool 20", ["--pool", "--bands"]),
    ("--threshold 0.8 --probes 2", ["--probes", "--bands"]), ("--threshold 0.8 --assume-ranks 4", ["--dry-run"]),
    ("--threshold 0.8 --assume-rows 4", ["--dry-run"]), ("--threshold 0.8 --dry-run --assume-ranks 0", ["--assume-ranks"]),
    ("--threshold 0.8 --dry-run --assume-rows x", ["--assume-rows"]), ("--threshold 0.8 --recall 1.0", ["--recall", "--exact"]),
    ("--threshold 0.95 --recall 1", ["--recall", "--exact"]), ("--threshold 0.8 --recall 1 --dry-run", ["--recall", "--exact"]),
    ("--threshold 0.000001 --recall 0.99", ["--recall", "--exact"]),
    ("--threshold 0.8 --minhash slow", ["--minhash", "slow", "classic"]),
    ("-b 4 -r 2 --minhash fast", ["--minhash fast", "--threshold"]),
    ("-b 4 -r 2 --threshold 0.8 --minhash fast --pool 9", ["--pool"]),
    ("-b 4 -r 65 --threshold 0.8 --minhash fast", ["--rows"]),
    ("-b 4 -r 2 --threshold 0.8 --no-sketch", ["--no-sketch"]),
    ("--exact --threshold 0.8 --no-sketch", ["--no-sketch"]),
    ("--exact --threshold 0.8 --minhash fast", ["--exact", "--minhash"]),
    ("--threshold 0.8 --minhash classic --no-sketch", ["--no-sketch"]),
    ("--metric ip --threshold 0.8 --no-sketch", ["--no-sketch"]),
    ("--metric l2 --radius 1 --width 1e-323", ["--width", "1e-323"]),
]


def test_usage(fails, tmp_path):
    path = write_sets(tmp_path / "in.h5", families(1, 20))
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda k: fails([*USAGE[k][0].split(), path], 64, *USAGE[k][1], out=tmp_path / f"out{k}"),
                         range(len(USAGE))))


def test_minhash_is_of_sets(fails, tmp_path):
    path = write_vectors(tmp_path / "in.h5", np.ones((3, 4), "f4"))
    fails(["--threshold", 0.8, "--minhash", "fast", path], 64, "--minhash")


def test_a_dry_run_of_what_is_no_input(fails, tmp_path):
    fails(["--threshold", 0.8, "--dry-run", tmp_path / "none.h5"], 66, "none.h5")
    (tmp_path / "text").write_text("3,4\n")
    fails(["--threshold", 0.8, "--dry-run", tmp_path / "text"], 65, "text")


@pytest.mark.parametrize("radius", ["1e-300", "1e-30", "1e-9"])
@pytest.mark.parametrize("options", [[], ["-b", 5, "-r", 4]])
def test_equal_vectors_by_a_tiny_radius(tmp_path, radius, options):
    """Buckets would be finer than the numbers of the data: still not every pair is a candidate, and no equal one is lost."""
    x = np.random.default_rng(1).standard_normal((2000, 30)).astype("f4")
    x[1000:1100] = x[:100]
    run(["--metric", "l2", "--radius", radius, *options, "--quiet", "-o", tmp_path / "out",
         write_vectors(tmp_path / "in.h5", x)]).ok()
    assert len(read_h5(tmp_path / "out")) == 100
    assert read_json(tmp_path / "out")["counts"]["candidates"] < 1000


# ---- odd inputs ----------------------------------------------------------------------------------------------------

def pairs_of(join, inputs, options, ranks):
    out = join(inputs, options, ranks=ranks)
    assert out.report["plan"]["recall_at_threshold"] >= 0.95
    return list(zip(out.pairs["left"].tolist(), out.pairs["right"].tolist())), out


@pytest.mark.parametrize("ranks", [1, 3])
def test_odd_sets(join, ranks):
    few = {"none": [], "one": [[1, 2, 3]], "all empty": [[]] * 10, "one of them not": [[]] * 5 + [[1]] + [[]] * 5}
    for name, rows in few.items():
        sets = Sets.of(rows)
        assert pairs_of(join, sets, "--threshold 0.8", ranks)[0] == [], name
        both = [(k, k) for k, row in enumerate(rows) if len(row)]
        assert pairs_of(join, [sets, sets], "--threshold 0.8", ranks)[0] == both, name
    equal = Sets.of([[1, 2, 3]] * 40)
    every = [(i, j) for i in range(40) for j in range(i + 1, 40)]
    assert pairs_of(join, equal, "--threshold 0.8", ranks)[0] == every
    assert pairs_of(join, equal, "--threshold 1 --recall 1", ranks)[0] == every  # equal sets cannot be missed
    sets = families(3, 60)
    truth = brute_force(sets, threshold="1")
    found, out = pairs_of(join, sets, "--threshold 1", ranks)
    assert found == ids(truth) and len(found) > 5 and out.report["plan"]["recall_at_threshold"] == 1


@pytest.mark.parametrize("ranks", [1, 3])
@pytest.mark.parametrize("options", ["--metric cosine --threshold 0.9", "--metric l2 --radius 0.5", "--metric ip --threshold 7"])
def test_odd_vectors(join, ranks, options):
    for n in (0, 1):
        assert pairs_of(join, np.ones((n, 8), "f4"), options, ranks)[0] == []
    every = [(i, j) for i in range(30) for j in range(i + 1, 30)]
    out = join(np.ones((30, 8), "f4"), options + " --recall 0.99", ranks=ranks)
    assert out.report["plan"]["recall_at_threshold"] >= 0.99
    if "ip" not in options:  # of equal ones; under ip those may be no nearer than the threshold asks
        assert ids(out.pairs) == every


# ---- real data -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name, metric, limit, p", [
    ("dev_text6k", "jaccard", "0.5", 0.8), ("dev_text6k", "jaccard", "0.8", 0.99), ("nmslib_ids5k", "jaccard", "0.3", 0.8),
    ("nmslib_ids5k", "jaccard", "0.5", 0.95), ("sift5k", "cosine", "0.9", 0.9), ("sift5k", "l2", "227.0", 0.95),
    ("digits", "cosine", "0.9", 0.8), ("digits", "l2", "21.1", 0.99)])
def test_recall_of_real_pairs(shared, join, name, metric, limit, p):
    """Of all pairs that reach the threshold at least the share that is promised of those at it."""
    folder = shared / name
    known = np.load(folder / f"pairs_{metric}_{limit}.npy").astype("i8")
    true = set(map(tuple, known[:, :2].tolist()))
    found = []
    for seed in range(1 if name == "sift5k" else 2):
        out = join(folder / "data.h5", f"{' '.join(map(str, bound(metric, limit)))} --recall {p} -s {seed}")
        pairs = set(ids(out.pairs))
        assert pairs <= true and len(pairs) == len(out.pairs)
        assert out.report["plan"]["recall_at_threshold"] >= p
        found.append(len(pairs) / len(true))
        assert 0.5 < out.report["plan"]["candidates"] / out.report["counts"]["candidates"] < 2
    assert np.mean(found) >= p, found
