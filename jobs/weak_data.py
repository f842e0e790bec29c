#!/usr/bin/python3
"""weak_data.py RUN.json SHARES COPIES OUT.h5: data for weak scaling, out of the first input of a run.

COPIES copies of its first rows, one of SHARES equal parts of all. In each copy the elements of sets have other names, and the
coordinates of vectors another order (and, where they are floating, other signs): what is similar within a copy stays so, and copies have
nothing in common. So COPIES times the rows hold COPIES times the pairs, and as many nodes have just as much to do each. (More
rows of the real data would not do: their pairs grow faster than the rows.)"""
import argparse
import json

import h5py
import numpy as np

AT_ONCE = 1 << 24  # elements


def renamed(elements, copy):
    """Other elements of the same width, different for different ones (a bijection), for each copy in another way."""
    kind = {4: np.uint32, 8: np.uint64}[elements.dtype.itemsize]
    shift, odd = (16, 0x7feb352d) if kind is np.uint32 else (32, 0xd6e8feb86659fd93)
    x = elements.astype(kind, copy=True)
    with np.errstate(over="ignore"):
        for salt in np.random.default_rng(copy).integers(0, np.iinfo(kind).max, 2, kind):
            x = (x ^ salt ^ (x >> kind(shift))) * kind(odd)
    return x


def in_order(elements, begin):
    """The elements of each row in rising order, as programs write them; row k begins at begin[k]."""
    row = np.repeat(np.arange(begin.size - 1), np.diff(begin))
    return elements[np.lexsort((elements, row))]


def pieces(begin):
    """First rows and those after the last of pieces of some AT_ONCE elements; row k begins at begin[k]."""
    low, rows = 0, begin.size - 1
    while low < rows:
        high = max(low + 1, int(np.searchsorted(begin, begin[low] + AT_ONCE, "right")) - 1)
        yield low, high
        low = high


def write_sets(out, begin, elements, copies):
    """Row k of a copy is elements[begin[k]:begin[k + 1]], renamed."""
    last = int(begin[-1])
    out["sets/indptr"] = np.concatenate([[0], *(begin[1:] + copy * last for copy in range(copies))]).astype(np.int64)
    indices = out.create_dataset("sets/indices", (copies * last,), f"u{elements.dtype.itemsize}")
    for low, high in pieces(begin):
        piece = elements[begin[low]:begin[high]]
        for copy in range(copies):
            at = copy * last + begin[low]
            indices[at:at + piece.size] = in_order(renamed(piece, copy), begin[low:high + 1])


def write_vectors(out, vectors, n, copies):
    width = vectors.shape[1]
    all_of_them = out.create_dataset("vectors", (copies * n, width), vectors.dtype)
    for copy in range(copies):
        rng = np.random.default_rng(copy)
        order = rng.permutation(width)
        sign = rng.choice(np.array([-1, 1], vectors.dtype), width) if vectors.dtype.kind == "f" else vectors.dtype.type(1)
        for low, high in pieces(np.arange(n + 1) * width):
            all_of_them[copy * n + low:copy * n + high] = vectors[low:high][:, order] * sign


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("shares", type=int)
    parser.add_argument("copies", type=int)
    parser.add_argument("out")
    args = parser.parse_args()
    with open(args.run) as file:
        source = json.load(file)["inputs"][0]
    n = source["rows"] // args.shares
    with h5py.File(source["file"]) as file, h5py.File(args.out, "w") as out:
        where = file[source["object"]]
        if source["kind"] == "dense":
            write_vectors(out, where, n, args.copies)
            if "distance" in file.attrs:  # which metric it is made for
                out.attrs["distance"] = file.attrs["distance"]
        elif source["kind"] == "csr":
            write_sets(out, where["indptr"][:n + 1].astype(np.int64), where["indices"], args.copies)
        else:
            sizes = where.parent["size_" + where.name.rpartition("/")[2]]
            write_sets(out, np.concatenate([[0], np.cumsum(sizes[:n], dtype=np.int64)]), where, args.copies)


if __name__ == "__main__":
    main()
