#!/usr/bin/python3
"""Shows what a join of the package descriptions with itself found: how many pairs, and the most similar ones side by side.

    lshjoin -b 20 -r 5 --threshold 0.8 -o OUT_DIR DATA.h5
    show_pairs.py OUT_DIR DATA.h5 [--top K]

DATA.h5 is a file that debian_descriptions.py made. Pairs of equal sets are counted, not shown: there is nothing to see.
Of each family of similar records one pair is shown, so that the list isn't one family from top to bottom.
"""
import argparse
import difflib
import itertools
import os
import signal
import sys
import textwrap

import h5py
import numpy as np

COLUMN = 47            # two of them, a margin and a rule fit into 100 columns
LINES = 12             # of a pair, at most
MARK, UNMARK = '\1', '\2'  # stand for the brackets while lines are laid out: a text may have brackets of its own


def read_pairs(directory):
    path = os.path.join(directory, 'pairs.h5')
    try:
        with h5py.File(path, 'r') as pairs:
            left, right = pairs['left'][:], pairs['right'][:]
            if 'similarity' not in pairs:
                sys.exit(f'{path}: no similarities; join with --threshold')
            similarity = pairs['similarity'][:]
    except (OSError, KeyError) as error:
        sys.exit(f'{path}: not the pairs of a finished run: {error}')
    if np.isnan(similarity).any():
        sys.exit(f'{path}: pairs are missing; are all pairs-*.h5 beside it?')
    order = np.lexsort((right, left, -similarity))
    return left[order].astype(np.int64), right[order].astype(np.int64), similarity[order]


class Strings:
    """The strings of a group."""

    def __init__(self, group):
        self.indptr, self.bytes = group['indptr'][:].astype(np.int64), group['bytes'][:]

    def __len__(self):
        return len(self.indptr) - 1

    def __getitem__(self, i):
        return self.bytes[self.indptr[i]:self.indptr[i + 1]].tobytes().decode()


def pick(left, right, k):
    """The first k pairs (as positions) of which no record is, or is similar to, one that was picked before."""
    taken, picked = set(), []
    for n, (i, j) in enumerate(zip(left.tolist(), right.tolist())):
        if len(picked) == k:
            break
        if i not in taken and j not in taken:
            picked.append(n)
            family = np.isin(left, (i, j)) | np.isin(right, (i, j))
            taken.update(left[family].tolist(), right[family].tolist())
    return picked


def mark_differences(a, b):
    """The words of a and of b, those that the other hasn't at their place marked."""
    a, b = a.split(), b.split()
    for kind, a0, a1, b0, b1 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if kind != 'equal':
            a[a0:a1] = [MARK + word + UNMARK for word in a[a0:a1]]
            b[b0:b1] = [MARK + word + UNMARK for word in b[b0:b1]]
    return ' '.join(a), ' '.join(b)


def side_by_side(a, b):
    """Rows of two columns; of long texts, those around the first difference."""
    rows = []
    for part_a, part_b in zip(a.split('\n', 1), b.split('\n', 1)):  # synopsis, then long text
        columns = [textwrap.wrap(text, COLUMN) for text in mark_differences(part_a, part_b)]
        rows += itertools.zip_longest(*columns, fillvalue='')
    different = [n for n, row in enumerate(rows) if MARK in row[0] + row[1]]
    first = max(0, min(different[0] - LINES // 2, len(rows) - LINES)) if different else 0
    shown = rows[first:first + LINES]
    if first > 0:
        shown[0] = ('...', '...')
    if first + LINES < len(rows):
        shown[-1] = ('...', '...')
    return [[text.replace(MARK, '[').replace(UNMARK, ']') for text in row] for row in shown]


def print_pair(number, similarity, i, j, names, texts):
    print(f'\n{number}. similarity {similarity:.3f}')
    for a, b in [(names[i], names[j]), ('-' * COLUMN, '-' * COLUMN), *side_by_side(texts[i], texts[j])]:
        print(f'  {a:{COLUMN}} | {b}'.rstrip())


def main():
    parser = argparse.ArgumentParser(description='Shows the most similar pairs of a run, with their texts side by side.')
    parser.add_argument('directory', metavar='OUT_DIR', help='what lshjoin wrote with -o')
    parser.add_argument('data', metavar='DATA.h5', help='the file that was joined with itself')
    parser.add_argument('--top', type=int, default=5, metavar='K', help='how many pairs to show (default 5)')
    args = parser.parse_args()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # piped into head, end as head does

    left, right, similarity = read_pairs(args.directory)
    if not h5py.is_hdf5(args.data):
        sys.exit(f'{args.data}: no such file, or not HDF5')
    with h5py.File(args.data, 'r') as data:
        if 'ids' not in data or 'texts' not in data:
            sys.exit(f'{args.data}: no ids and texts in it')
        names, texts = Strings(data['ids']), Strings(data['texts'])
        if len(right) and right.max() >= len(names):
            sys.exit(f'{args.data}: has {len(names)} records, but {args.directory} tells of more: another file was joined')
        same = similarity == 1
        same_text = sum(texts[i] == texts[j] for i, j in zip(left[same], right[same]))
        print(f'Among {len(names):,} package descriptions the join found {len(left):,} pairs:')
        print(f'{same.sum():10,} pairs of equal sets of shingles, {same_text:,} of them equal texts to the letter')
        print(f'{(~same).sum():10,} pairs that are similar but not equal')
        left, right, similarity = left[~same], right[~same], similarity[~same]
        picked = pick(left, right, args.top)
        if picked:
            print('\nThe most similar of these, one of each family. Words that differ are in [brackets].')
        for number, n in enumerate(picked, 1):
            print_pair(number, similarity[n], left[n], right[n], names, texts)


if __name__ == '__main__':
    main()
