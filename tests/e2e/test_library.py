"""What `cmake --install` leaves is whole: programs, pages, and a library that others build with, by CMake and by pkg-config."""
import os
import subprocess
from pathlib import Path

import pytest

import joins
from joins import ROOT

BUILD = joins.BINARY.parent
SETS = 1000


def do(*command, cwd=None, env=None, timeout=300):
    said = subprocess.run([str(c) for c in command], cwd=cwd, env={**os.environ, **joins.MPI, **(env or {})},
                          capture_output=True, text=True, timeout=timeout)
    assert said.returncode == 0, f"{command}\n{said.stdout}\n{said.stderr}"
    return said.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    folder = tmp_path_factory.mktemp("installed")
    do("cmake", "--install", BUILD, "--prefix", folder)
    return folder


def installed(prefix, name):
    found = [f for f in prefix.rglob(name)]
    assert len(found) == 1, name
    return found[0]


def flags(prefix, *more):
    """As pkg-config tells them for this place."""
    pc = installed(prefix, "lshjoin.pc")
    told = do("pkg-config", "--cflags", "--libs", "lshjoin", *more,
              env={"PKG_CONFIG_PATH": str(pc.parent)}).split()
    return [*told, f"-Wl,-rpath,{installed(prefix, 'liblshjoin.so').parent}"]


def test_all_is_there(prefix):
    names = {str(f.relative_to(prefix)) for f in prefix.rglob("*") if not f.is_dir()}
    for program in ("lshjoin", "lshpack", "lsheval", "lshreport"):
        assert {f"bin/{program}", f"share/man/man1/{program}.1", f"share/bash-completion/completions/{program}"} <= names
        assert "usage" in do(prefix / "bin" / program, "--help")
    assert {f"share/lshjoin/jobs/{script}" for script in ("batch.sh", "join.sbatch", "resume.sbatch")} <= names
    assert [n for n in names if n.startswith("include")] == ["include/lshjoin.h"]


def test_only_its_own_names_are_seen(prefix):
    lines = do("nm", "-D", "--defined-only", installed(prefix, "liblshjoin.so")).splitlines()
    assert lines and all(line.split()[2].startswith("lshjoin_") for line in lines)


@pytest.fixture(scope="module")
def examples(prefix, tmp_path_factory):
    """Built by CMake, as a project of its own."""
    folder = tmp_path_factory.mktemp("examples")
    do("cmake", "-S", ROOT / "examples", "-B", folder, f"-DCMAKE_PREFIX_PATH={prefix}")
    do("cmake", "--build", folder)
    return folder


def similar_sets():
    """The pairs that similar_sets.c should find at 0.6, by its words on what set g holds."""
    sets = [{g // 4 * 1000 + k for k in range(g % 3, 20)} | {10**9 + g * 10 + k for k in range(g % 3)} for g in range(SETS)]
    near = {(a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a in range(SETS) for b in range(a + 1, SETS // 4 * 4)
            if a // 4 == b // 4}
    return {pair: f"{s:.6f}" for pair, s in near.items() if s >= 0.6}


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_example_in_c(examples, ranks):
    said = do("mpirun", "-n", ranks, examples / "similar_sets", SETS, 0.6)
    rows = [line.split("\t") for line in said.splitlines()]
    found = {(int(a), int(b)): s for a, b, s in rows}
    assert len(found) == len(rows) and found.items() <= similar_sets().items()
    assert len(found) >= 0.99 * len(similar_sets()) > 1000


@pytest.mark.parametrize("ranks", [1, 4])
def test_example_in_cpp_on_half_the_ranks(examples, ranks):
    assert do("mpirun", "-n", ranks, examples / "similar_vectors", 1000) == "2000 pairs, 200 of 1000 vectors are kept\n"


def test_example_by_pkg_config(prefix, tmp_path):
    do("cc", ROOT / "examples" / "similar_sets.c", "-o", tmp_path / "c", *flags(prefix))
    do("c++", ROOT / "examples" / "similar_vectors.cpp", "-o", tmp_path / "cpp", *flags(prefix, "mpi-cxx"))
    assert do("mpirun", "-n", 2, tmp_path / "c", 100, 1).count("\n") > 0
    assert do("mpirun", "-n", 1, tmp_path / "cpp", 100) == "200 pairs, 20 of 100 vectors are kept\n"


@pytest.mark.parametrize("ranks", [1, 3])
def test_contract(prefix, tmp_path, ranks):
    do("cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-Wpedantic", ROOT / "tests" / "library" / "contract.c", "-o",
       tmp_path / "contract", *flags(prefix))
    said = subprocess.run(["mpirun", "-n", str(ranks), tmp_path / "contract"], env={**os.environ, **joins.MPI},
                          capture_output=True, text=True, timeout=120)
    assert (said.returncode, said.stdout, joins.strip_banners(said.stderr)) == (0, "good\n", "")
