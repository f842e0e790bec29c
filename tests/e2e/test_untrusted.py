"""HDF5 files that lead elsewhere or claim what they do not hold: nothing is opened but what was named, no memory is
asked for that the file does not fill, and one message says so, on 1 and 3 ranks.

What must not be opened is a pipe without a writer: who opens it waits for ever.
"""
import os
import re
import subprocess

import h5py
import numpy as np
import pytest

import packing
from joins import BINARY, run
from oracle import Sets, write_sets
from vectors import write_vectors

DATA = 65
GOOD = Sets.of([range(k, k + 6) for k in range(60)], "i8")
JOIN = ["-b", 4, "-r", 2]
HUGE = 2**60


@pytest.fixture
def trap(tmp_path):
    os.mkfifo(tmp_path / "trap")
    return str(tmp_path / "trap")


# ---- other files ---------------------------------------------------------------------------------------------------

def link(f, trap):
    f["sets"] = h5py.ExternalLink(trap, "/sets")


def soft_link_through_a_link(f, trap):
    f["away"] = h5py.ExternalLink(trap, "/")
    f["sets"] = h5py.SoftLink("/away/sets")


def link_in_a_group(f, trap):
    f["sets/indptr"] = GOOD.indptr
    f["sets/indices"] = h5py.ExternalLink(trap, "/sets/indices")


def test_libraries_are_looked_for_in_fixed_places():
    """No entry of the path in the program is empty or relative, which would be the working directory."""
    said = subprocess.run(["readelf", "-d", BINARY], capture_output=True, text=True, check=True).stdout
    for path in re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", said):
        assert all(entry.startswith(("/", "$ORIGIN")) for entry in path.split(":")), path


@pytest.mark.parametrize("make", [link, soft_link_through_a_link, link_in_a_group])
@pytest.mark.parametrize("inside", ["", ":/sets"])
def test_links_to_other_files(fails, tmp_path, trap, make, inside):
    with h5py.File(tmp_path / "in.h5", "w") as f:
        make(f, trap)
    fails([*JOIN, f"{tmp_path}/in.h5{inside}"], DATA, "in.h5", "not followed")


def test_other_links_are_not_in_the_way(tmp_path, trap):
    """A file of one's own, with links elsewhere beside it, is read as ever."""
    write_sets(tmp_path / "in.h5", GOOD)
    with h5py.File(tmp_path / "in.h5", "a") as f:
        f["a"] = h5py.ExternalLink(trap, "/sets")
        f["b"] = h5py.SoftLink("/a/sets")
    assert run([*JOIN, tmp_path / "in.h5"], timeout=60).ok().out.startswith("left\tright\t")


def virtual(f, name, trap, shape, dtype, unlimited):
    layout = h5py.VirtualLayout(shape, dtype, maxshape=(None, *shape[1:]) if unlimited else None)
    source = h5py.VirtualSource(trap, "x", shape, dtype, maxshape=(None, *shape[1:]) if unlimited else None)
    if unlimited:
        layout[:h5py.h5s.UNLIMITED] = source[:h5py.h5s.UNLIMITED]
    else:
        layout[:] = source
    f.create_virtual_dataset(name, layout)


@pytest.mark.parametrize("unlimited", [False, True])
def test_virtual_indices(fails, tmp_path, trap, unlimited):
    write_sets(tmp_path / "in.h5", GOOD)
    with h5py.File(tmp_path / "in.h5", "a") as f:
        del f["sets/indices"]
        virtual(f, "sets/indices", trap, (360,), "i8", unlimited)
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "/sets/indices", "other files")


@pytest.mark.parametrize("unlimited", [False, True])
def test_virtual_vectors(fails, tmp_path, trap, unlimited):
    with h5py.File(tmp_path / "in.h5", "w") as f:
        virtual(f, "vectors", trap, (60, 8), "f4", unlimited)
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "/vectors", "other files")


@pytest.mark.parametrize("name, shape", [("sets/indices", (360,)), ("vectors", (60, 8))])
def test_external_storage(fails, tmp_path, trap, name, shape):
    with h5py.File(tmp_path / "in.h5", "w") as f:
        if name != "vectors":
            f["sets/indptr"] = GOOD.indptr
        f.create_dataset(name, shape, "i8" if name != "vectors" else "f4", external=[(trap, 0, h5py.h5f.UNLIMITED)])
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", name, "other files")


@pytest.mark.parametrize("column", ["left", "similarity"])
@pytest.mark.parametrize("ranks", [1, 3])
def test_pairs_elsewhere_are_not_shown(tmp_path, trap, column, ranks):
    texts = packing.write(tmp_path / "in.txt", "".join(f"a b c {k}\n" for k in range(6)))
    packed = packing.pack(tmp_path, texts, "--source").path
    with h5py.File(tmp_path / "pairs.h5", "w") as f:
        for name, dtype in [("left", "u8"), ("right", "u8"), ("similarity", "f4")]:
            if name == column:
                virtual(f, name, trap, (3,), dtype, False)
            else:
                f[name] = np.arange(3, dtype=dtype)
    shown = packing.run(["--show", packed, tmp_path / "pairs.h5"], ranks, timeout=60)
    assert shown.rc == DATA and len(shown.messages) == 1 and f"/{column}" in shown.messages[0], shown.err
    assert "beside it" in shown.messages[0]


# ---- structures ----------------------------------------------------------------------------------------------------

def test_groups_in_groups(fails, tmp_path):
    """Thousands deep, in a small file: what lies beyond any path that can be named is not looked for."""
    with h5py.File(tmp_path / "in.h5", "w") as f:
        group = f
        for _ in range(5000):
            group = group.create_group("g")
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "holds no sets")


# ---- sizes that lie ------------------------------------------------------------------------------------------------

def claim(f, name, shape, dtype, **how):
    f.require_group("sets")
    if name in f:
        del f[name]
    f.create_dataset(name, shape, dtype, **how)


def claim_contiguous(f, name, shape, dtype):
    """As HDF5 writes a dataset of which nothing was written yet."""
    space = h5py.h5s.create_simple(shape)
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    if name in f:
        del f[name]
    h5py.h5d.create(f.id, name.encode(), h5py.h5t.py_create(np.dtype(dtype)), space, plist)


CLAIMS = {  # dataset, shape, type, how it is stored
    "offsets": ("sets/indptr", (HUGE,), "i8", {"chunks": (1 << 20,)}),
    "elements": ("sets/indices", (HUGE,), "i8", {"chunks": (1 << 20,)}),
    "compressed": ("sets/indptr", (HUGE,), "i8", {"chunks": (1 << 16,), "compression": "gzip"}),
    "vectors": ("vectors", (HUGE // 8, 8), "f4", {"chunks": (1 << 10, 8)}),
    "long vectors": ("vectors", (8, HUGE // 8), "f4", {"chunks": (1, 1 << 16)}),
    "more than there are numbers": ("vectors", (2**33, 2**33), "f4", {"chunks": (1 << 10, 8)}),
    "in one piece": ("sets/indptr", (HUGE,), "i8", None),
    "some gigabytes": ("sets/indptr", (1 << 30,), "i8", {"chunks": (1 << 20,)}),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_claims(fails, tmp_path, name):
    dataset, shape, dtype, how = CLAIMS[name]
    with h5py.File(tmp_path / "in.h5", "w") as f:
        if dataset != "vectors":
            f["sets/indptr"], f["sets/indices"] = GOOD.indptr, GOOD.indices
        if how is None:
            claim_contiguous(f, dataset, shape, dtype)
        else:
            claim(f, dataset, shape, dtype, **how)
            if name != "more than there are numbers":  # at which HDF5 itself would crash
                f[dataset][(0,) * len(shape)] = 0  # one chunk is there
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", dataset, "claims")


def test_elements_that_are_not_there(fails, tmp_path):
    """Offsets that reach far into elements of which nothing was written."""
    with h5py.File(tmp_path / "in.h5", "w") as f:
        f["sets/indptr"] = np.array([0, HUGE - 1, HUGE])
        claim(f, "sets/indices", (HUGE,), "i4", chunks=(1 << 20,))
    fails([*JOIN, tmp_path / "in.h5"], DATA, "in.h5", "/sets/indices", "claims")


def test_numbers_beyond_the_end_of_the_file(fails, tmp_path):
    """The header says so, and the file is as long as the header says of itself."""
    path = write_sets(tmp_path / "in.h5", GOOD)
    with h5py.File(path, "r") as f:
        size = f["sets/indices"].id.get_storage_size()
    content = path.read_bytes()
    for old, new in [(360, 1 << 52), (size, 8 << 52)]:  # the extent, and the bytes of the one piece
        content = content.replace(old.to_bytes(8, "little"), new.to_bytes(8, "little"))
    path.write_bytes(content)
    fails([*JOIN, path], DATA, "in.h5")


def test_what_compresses_well_is_no_lie(tmp_path):
    """All is written, and takes a thousandth."""
    with h5py.File(tmp_path / "in.h5", "w") as f:
        f.create_dataset("sets/indptr", data=np.arange(1 << 20) // 20000 * 10, chunks=(1 << 16,), compression=9)
        f["sets/indices"] = np.tile(np.arange(10), 60)
    assert (tmp_path / "in.h5").stat().st_size * 64 < 8 << 20
    run([*JOIN, "--no-print", tmp_path / "in.h5"], timeout=60).ok()


def test_half_written_is_as_ever(tmp_path):
    """Small datasets may have gaps, which read as zeros."""
    with h5py.File(tmp_path / "in.h5", "w") as f:
        x = f.create_dataset("vectors", (64, 8), "f4", chunks=(8, 8))
        x[:8] = 1
    assert "56 bad rows" in run([*JOIN, "--skip-bad-rows", "--no-print", tmp_path / "in.h5"], timeout=60).ok().err


# ---- names that drive a terminal -----------------------------------------------------------------------------------

def test_names_with_control_characters(fails, tmp_path):
    with h5py.File(tmp_path / "in.h5", "w") as f:
        f["\x1b[2J\r\nlshjoin: all is well"] = 1
    fails([*JOIN, tmp_path / "in.h5:/none"], DATA, "in.h5", "?[2J??lshjoin")
