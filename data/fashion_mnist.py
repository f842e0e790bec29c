#!/usr/bin/python3
"""Builds a real data set of vectors from Debian's package dataset-fashion-mnist: 70,000 pictures of clothes.

    fashion_mnist.py -o fashion-mnist.h5

HDF5 objects of the output, named as in the files of ann-benchmarks:
    /train  uint8 [60000, 784]    /test  uint8 [10000, 784]    grey values of a picture, row by row
with the attributes distance (euclidean), source and licence on the root. The same package gives the same file.
"""
import argparse
import gzip
import os
import struct
import sys

import h5py
import numpy as np

DIRECTORY = '/usr/share/datasets/fashion-mnist'
SOURCE = "Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), from Debian's package dataset-fashion-mnist"
LICENCE = 'MIT (Expat), copyright 2017 Zalando SE'
NO_PACKAGE = """Debian's package dataset-fashion-mnist is missing. As root, run
    apt-get install dataset-fashion-mnist
and try again, or name the directory that holds its files with --from DIR."""


def read_images(path):
    """[n, rows * columns] of an idx3-ubyte file: magic number 2051, three sizes, then the bytes."""
    with gzip.open(path) as file:
        magic, n, rows, columns = struct.unpack('>4I', file.read(16))
        if magic != 2051:
            raise ValueError(f'{path}: not a file of images')
        return np.frombuffer(file.read(), np.uint8).reshape(n, rows * columns)


def build(directory, output):
    files = {'train': 'train-images-idx3-ubyte.gz', 'test': 't10k-images-idx3-ubyte.gz'}
    paths = {name: os.path.join(directory, file) for name, file in files.items()}
    if not all(map(os.path.exists, paths.values())):
        sys.exit(NO_PACKAGE)
    images = {name: read_images(path) for name, path in paths.items()}
    with h5py.File(output, 'w') as out:
        out.attrs['distance'], out.attrs['source'], out.attrs['licence'] = 'euclidean', SOURCE, LICENCE
        for name, rows in images.items():
            out[name] = rows
    print(f"{output}: {', '.join(f'{name} {len(rows)} x {rows.shape[1]}' for name, rows in images.items())}")


def main():
    parser = argparse.ArgumentParser(description="Builds a real data set of vectors from Debian's package dataset-fashion-mnist.")
    parser.add_argument('-o', '--output', required=True, metavar='OUT', help='HDF5 file to write')
    parser.add_argument('--from', dest='directory', default=DIRECTORY, metavar='DIR', help=f'where the files are (default {DIRECTORY})')
    args = parser.parse_args()

    try:
        build(args.directory, args.output)
    except (OSError, EOFError, ValueError, struct.error) as error:
        sys.exit(f'{parser.prog}: {error}')


if __name__ == '__main__':
    main()
