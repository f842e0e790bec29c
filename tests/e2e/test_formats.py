"""Sets in the forms other tools write them, found by their content or named by a path."""
import h5py
import numpy as np
import pytest

from joins import read_tsv, run
from oracle import Sets, brute_force, check_recall, check_verified, families, write_flat, write_sets

SURE = ["-b", 64, "-r", 2, "--threshold", "0.7"]  # every pair at 0.7 is found (missed: 2e-19)
SETS, OTHER = families(1, 60, dtype="i4"), families(2, 20, dtype="i4")


def pairs_of(source, options=SURE, **how):
    found = read_tsv(run([*options, source], **how).ok().out)
    return list(zip(found["left"].tolist(), found["right"].tolist()))


def true_pairs(sets):
    pairs = brute_force(sets, threshold="0.7")
    assert len(pairs)
    return list(zip(pairs["left"].tolist(), pairs["right"].tolist()))


def anndata(path):
    for k, (group, sets) in enumerate([("X", SETS), ("aside", OTHER), ("layers/counts", OTHER)]):  # X is the one
        csr = {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": [len(sets), 1 << 31]}
        write_sets(path, sets, group, mode="a" if k else "w", indptr="i4", attrs=csr, data=True)
    with h5py.File(path, "a") as f:
        f.attrs["encoding-type"] = "anndata"
        f["obs/_index"] = np.arange(len(SETS))
        f["obsm/X_pca"] = np.zeros((len(SETS), 3), "f4")


def tenx_v3(path):
    write_sets(path, SETS.shuffled(3), "matrix", indices="i8", data=True, shape=True)
    with h5py.File(path, "a") as f:
        f["matrix/barcodes"] = np.array([b"AAAC-1"] * len(SETS))
        f["matrix/features/id"] = np.array([b"ENSG1"] * 5)


def annbenchmarks(path):
    write_flat(path, SETS, "train")
    write_flat(path, OTHER, "test", mode="a")
    with h5py.File(path, "a") as f:
        f["neighbors"], f["distances"] = np.zeros((len(OTHER), 10), "i4"), np.zeros((len(OTHER), 10), "f4")


FORMS = {
    "AnnData": anndata,
    "10x v3": tenx_v3,
    "at the root": lambda path: write_sets(path, SETS, "/", data=True, shape=True),
    "deep inside": lambda path: write_sets(path, SETS, "a/b/c", indptr="i4"),
    "sets beside another": lambda path: (write_sets(path, SETS, "sets"), write_sets(path, OTHER, "b", mode="a")),
    "flat": lambda path: write_flat(path, SETS, "train"),
    "ann-benchmarks": annbenchmarks,
    "gzip": lambda path: write_sets(path, SETS, chunks=(100,), compression="gzip", shuffle=True),
    "chunked, resizable": lambda path: write_sets(path, SETS, chunks=(7,), maxshape=(None,), fletcher32=True),
    "big-endian": lambda path: write_sets(path, SETS, indptr=">i4", indices=">i8"),
    "unsigned": lambda path: write_sets(path, SETS, indptr="u8", indices="u4"),
}


@pytest.mark.parametrize("form", FORMS)
def test_form(tmp_path, form):
    FORMS[form](tmp_path / "in.h5")
    assert pairs_of(tmp_path / "in.h5") == true_pairs(SETS)


@pytest.mark.parametrize("form, inside", [("AnnData", "/layers/counts"), ("sets beside another", "/b"),
                                          ("ann-benchmarks", "/test")])
def test_named_path(tmp_path, form, inside):
    FORMS[form](tmp_path / "in.h5")
    assert pairs_of(f"{tmp_path}/in.h5:{inside}") == true_pairs(OTHER)


def test_train_against_test(tmp_path):
    annbenchmarks(tmp_path / "in.h5")
    run([*SURE, "-o", tmp_path / "out", f"{tmp_path}/in.h5:/test", f"{tmp_path}/in.h5:/train"], ranks=3).ok()


@pytest.fixture
def genomes(tmp_path):
    """10x v1: one group a genome, none of them more likely than the other."""
    for k, (genome, sets) in enumerate([("GRCh38", SETS), ("mm10", OTHER)]):
        write_sets(tmp_path / "in.h5", sets, genome, mode="a" if k else "w", indices="i8", data=True, shape=True)
    return tmp_path / "in.h5"


@pytest.mark.parametrize("ranks", [1, 3])
def test_several_genomes_need_a_name(genomes, tmp_path, ranks):
    failed = run([*SURE, "-o", tmp_path / "out", genomes], ranks)
    assert failed.rc == 65 and len(failed.messages) == 1
    assert "GRCh38" in failed.err and "mm10" in failed.err
    assert pairs_of(f"{genomes}:/mm10") == true_pairs(OTHER)


def test_csc_is_refused(tmp_path):
    write_sets(tmp_path / "in.h5", SETS, "X", attrs={"encoding-type": "csc_matrix"})
    failed = run([*SURE, tmp_path / "in.h5"])
    assert failed.rc == 65 and len(failed.messages) == 1 and "csc" in failed.err


@pytest.mark.parametrize("ranks", [1, 3])
def test_missing_filter_is_named(tmp_path, ranks):
    write_sets(tmp_path / "in.h5", SETS, compression="lzf")
    failed = run([*SURE, "-o", tmp_path / "out", tmp_path / "in.h5"], ranks)
    assert failed.rc == 65 and len(failed.messages) == 1 and "lzf" in failed.err.lower()


# ---- files and answers of others -----------------------------------------------------------------------------------

def read_group(path, group):
    with h5py.File(path, "r") as f:
        return Sets(f[group]["indptr"][:], f[group]["indices"][:])


@pytest.mark.parametrize("name, inside, group", [
    ("10x_1.2.0_filtered_gene_bc_matrices_h5.h5", "", "hg19_chr21"),
    ("10x_1.2.0_multiple_genomes.h5", ":/another_genome", "another_genome"),
    ("10x_3.0.0_filtered_feature_bc_matrix.h5", "", "matrix"),
    ("anndata_v0.5.0.h5ad", "", "raw.X"),
    ("anndata_v0.5.0.h5ad", ":/uns/neighbors/connectivities", "uns/neighbors/connectivities"),
])
def test_foreign_file(shared, name, inside, group):
    path = shared / "formats" / name
    pairs = brute_force(read_group(path, group), threshold="0.5")
    # 0.5 is missed with probability 1e-25
    assert pairs_of(f"{path}{inside}", ["-b", 200, "-r", 2, "--metric", "jaccard", "--threshold", "0.5"]) == \
        list(zip(pairs["left"].tolist(), pairs["right"].tolist()))


@pytest.mark.parametrize("name, says", [
    ("10x_1.2.0_multiple_genomes.h5", ["hg19_chr21", "another_genome"]),
    ("anndata_v0.7.8.h5ad", ["lzf"]),
    ("anndata_v0.11.4.h5ad", ["anndata_v0.11.4.h5ad"]),  # no matrix at all
])
def test_foreign_file_is_refused(shared, name, says):
    failed = run([*SURE, shared / "formats" / name])
    assert failed.rc == 65 and len(failed.messages) == 1
    assert all(word in failed.err.lower() for word in says)


@pytest.mark.parametrize("name, threshold, bands, rows", [
    ("dev_text6k", "0.8", 8, 10), ("dev_text6k", "0.5", 10, 4), ("nmslib_ids5k", "0.3", 20, 3)])
def test_exact_pairs_of_others(shared, join, name, threshold, bands, rows):
    folder = shared / name
    known = np.load(folder / f"pairs_jaccard_{threshold}.npy").astype("i8")
    sets = read_group(folder / "data.h5", "sets")
    truth = brute_force(sets, threshold=threshold)  # our own oracle, held against theirs
    known = known[np.lexsort((known[:, 1], known[:, 0]))]
    assert (known == np.stack([truth[c].astype("i8") for c in ("left", "right", "common")], 1)).all()

    founds = [join(folder / "data.h5", f"-b {bands} -r {rows} --threshold {threshold} -s {seed}",
                   ranks=1 + seed % 2).pairs for seed in range(4)]
    for found in founds:
        check_verified(found, truth)
    check_recall(founds, sets, None, truth, bands, rows)
