"""Joins of sets against a brute-force join: nothing false, nothing twice, nothing lost beyond the law."""
from fractions import Fraction

import numpy as np
import pytest

from oracle import Sets, brute_force, check_mean, check_recall, check_verified, families, overlaps, similarity, simulate

SURE = "-b 64 -r 2"  # a pair of similarity 0.7 is missed with probability 2e-19: such joins are compared exactly


def ids(pairs):
    return list(zip(pairs["left"].tolist(), pairs["right"].tolist()))


@pytest.mark.parametrize("threshold, bands, rows, ranks",
                         [("0.8", 10, 8, 1), ("0.5", 20, 5, 2), ("0.333333", 12, 3, 3), ("0.05", 8, 1, 1)])
def test_self_join(join, threshold, bands, rows, ranks):
    sets = families(1, 400)
    found = join(sets, f"-b {bands} -r {rows} --threshold {threshold}", ranks=ranks).pairs
    assert (found["left"] < found["right"]).all()
    truth = brute_force(sets, threshold=threshold)
    check_verified(found, truth)
    check_recall([found], sets, None, truth, bands, rows)


def two_inputs():
    """Two inputs of different lengths with common families; many pairs have the same row number on both sides."""
    rows = families(2, 300, members=3).rows()
    return Sets.of(rows), Sets.of([rows[k ^ 1] if k % 3 else rows[k] for k in range(500)])


@pytest.mark.parametrize("exclusive", ["", "-E"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_two_inputs(join, exclusive, ranks):
    left, right = two_inputs()
    truth = brute_force(left, right, "0.6", exclusive=bool(exclusive))
    assert (truth["left"] == truth["right"]).any() == (not exclusive)
    found = join([left, right], f"-b 12 -r 6 --threshold 0.6 {exclusive}", ranks=ranks).pairs
    check_verified(found, truth)
    check_recall([found], left, right, truth, 12, 6)


def test_the_two_inputs_may_be_one_file(join):
    sets = families(3, 40)
    found = join([sets, sets], f"{SURE} --threshold 0.7").pairs
    assert ids(found) == ids(brute_force(sets, sets, "0.7"))
    exclusive = join([sets, sets], f"{SURE} --threshold 0.7 -E").pairs
    assert ids(exclusive) == [(i, j) for i, j in ids(found) if i != j]


@pytest.mark.parametrize("threshold", ["0.8", "0.800001", "0.799999", "1", "1.0", "0.999999", "0.333333", "0.333334",
                                       "0.29", "0.2900001", "0.57", "0.5700001", "0.07", "0.0700001", "0.0699999",
                                       "0.333333333", "0.333333334"])
def test_thresholds_are_exact(join, threshold):
    """J = 4/5 is kept at 0.8. Floating point makes less or more than 29, 57 and 7 of 100 times 0.29, 0.57 and 0.07."""
    rows, start = [], 0
    for s in ["1", "4/5", "1/3", "29/100", "57/100", "7/100", "70/1000", "999/1000"]:
        common, union = map(int, s.split("/")) if "/" in s else (7, 7)
        rows += [range(start, start + union), range(start, start + common)]
        start += union
    sets = Sets.of(rows)
    truth = brute_force(sets, threshold=threshold)
    found = join(sets, f"-b 600 -r 1 --threshold {threshold}").pairs  # 7/100 is missed with probability 1e-19
    assert ids(found) == ids(truth)
    assert all(Fraction(int(p["common"]), int(p["union"])) >= Fraction(threshold) for p in truth)
    np.testing.assert_allclose(found["value"], similarity(truth), rtol=0, atol=1e-6)


@pytest.mark.parametrize("two", [False, True])
def test_candidates_and_their_bands(join, two):
    """Without a threshold: each candidate once, with the number of bands in which it collided."""
    bands, rows = 30, 4
    left, right = two_inputs() if two else (families(4, 400), None)
    found = join([left, right] if two else left, f"-b {bands} -r {rows}").pairs
    assert found["value"].dtype == np.uint16
    assert found["value"].min() >= 1 and found["value"].max() <= bands
    assert len(set(ids(found))) == len(found)
    assert two or (found["left"] < found["right"]).all()

    every = overlaps(left, right)  # what has nothing in common cannot collide
    count = dict(zip(ids(found), found["value"].tolist()))
    assert set(count) <= set(ids(every))
    collided = np.array([count.get(pair, 0) for pair in ids(every)])
    s = similarity(every)
    assert (collided[s == 1] == bands).all() and (s == 1).any()
    simulated = simulate(left, right, every, bands, rows)
    for at in (s < 0.4), (s >= 0.4) & (s < 0.8), (s >= 0.8) & (s < 1):
        assert at.any()
        check_mean([collided[at].sum()], (bands * s[at] ** rows).sum(), simulated[:, at].sum(1))


def test_empty_sets_pair_with_nothing(join):
    sets = Sets.of([[], [1, 2, 3], [], [3, 2, 1], []])
    assert ids(join(sets, SURE).pairs) == [(1, 3)]
    assert ids(join([sets, sets], SURE).pairs) == [(1, 1), (1, 3), (3, 1), (3, 3)]
    only_empty = Sets.of([[], [], []])
    assert ids(join(only_empty, SURE, ranks=2).pairs) == []


@pytest.mark.parametrize("options", ["", "--threshold 0.5"])
def test_order_and_repeats_of_elements_do_not_matter(join, options):
    sets = families(5, 100)
    plain, mixed = (join(s, f"-b 12 -r 4 {options}").pairs for s in (sets, sets.shuffled(6, repeats=3)))
    assert len(plain) and plain.tobytes() == mixed.tobytes()


@pytest.mark.parametrize("top", [31, 32, 63])
def test_integer_types_agree(join, top):
    """The same values give the same pairs, candidates and all, whichever type holds them."""
    fits = [t for t in ("i4", "u4", "i8", "u8") if np.iinfo(t).max >= 2**top - 1]
    sets = families(7, 100, dtype="u8")
    sets.indices = sets.indices >> np.uint64(64 - top)
    answers = [join(sets.astype(t), "-b 12 -r 4").pairs.tobytes() for t in fits]
    assert len(answers) >= 2 and len(answers[0]) and len(set(answers)) == 1


def test_high_bits_count(join):
    """Elements that differ only above bit 32, or only in the topmost bit, are different elements."""
    base = np.arange(1, 41, dtype="u8")
    shift = [base + (np.uint64(k) << np.uint64(32)) for k in range(20)] + [base + np.uint64(1 << 63)]
    half = np.concatenate([shift[3][:20], shift[4][20:]])
    sets = Sets.of([*shift, half])
    found = join(sets, "-b 64 -r 1 --threshold 0.01").pairs
    assert ids(found) == [(3, 21), (4, 21)]
    np.testing.assert_allclose(found["value"], 1 / 3, atol=1e-6)
    assert ids(join(Sets.of(shift), "-b 200 -r 2").pairs) == []


@pytest.mark.parametrize("rows, ranks", [(0, 1), (0, 3), (1, 1), (1, 3), (2, 5)])
def test_more_ranks_than_rows(join, rows, ranks):
    sets = Sets.of([[5, 6, 7]] * rows)
    output = join(sets, "-b 4 -r 2", ranks=ranks)
    assert ids(output.pairs) == ([(0, 1)] if rows == 2 else [])
    assert output.report["counts"]["records"] == rows


@pytest.mark.parametrize("rows", [(0, 3), (3, 0), (1, 2)])
def test_two_inputs_of_few_rows(join, rows):
    left, right = (Sets.of([[8, 9]] * n) for n in rows)
    found = join([left, right], "-b 4 -r 2", ranks=3).pairs
    assert ids(found) == [(i, j) for i in range(rows[0]) for j in range(rows[1])]


@pytest.mark.parametrize("options, value", [("", 3), ("--threshold 1", 1)])
def test_a_giant_bucket(join, options, value):
    """3,000 equal sets are one bucket in each band; it passes the bound of a round many times."""
    m = 3000
    found = join(Sets.of([[11, 22, 33]] * m), f"-b 3 -r 2 --round 64K {options}", ranks=2, timeout=300).pairs
    assert len(found) == m * (m - 1) // 2 and (found["value"] == value).all()
    left, right = np.triu_indices(m, 1)
    assert (found["left"] == left).all() and (found["right"] == right).all()
