#!/usr/bin/python3
"""Builds a real data set of sets from the package descriptions that apt holds: near-duplicate texts by the thousand.

    debian_descriptions.py -o descriptions.h5
    debian_descriptions.py -o slice.h5 --from 1000 --count 500 --gzip
    debian_descriptions.py -o descriptions.h5 --lists mylists

One record per package, in the (byte) order of package names; the text is the English description, synopsis and long
text. A set holds the text's word 3-shingles: the text in lower case, its words [a-z0-9]+, each three consecutive words
joined by one space and hashed to 64 bits with BLAKE2b (digest of 8 bytes, read little-endian). A text of one or two
words gives one shingle of what is there, a text without a word the empty set. The same index gives the same file.

HDF5 objects of the output (N records):
    /sets/indptr   int64 [N+1]    /sets/indices  uint64   shingles of record i: indices[indptr[i]:indptr[i+1]], ascending
    /ids/indptr    uint64 [N+1]   /ids/bytes     uint8    package name i: bytes[indptr[i]:indptr[i+1]]
    /texts/indptr  uint64 [N+1]   /texts/bytes   uint8    description i, likewise, in UTF-8
with the attributes shape, source, licence and shingles on /sets.
"""
import argparse
import hashlib
import os
import re
import subprocess
import sys

import h5py
import numpy as np

CAT_FILE = ('/usr/lib/apt/apt-helper', 'cat-file')  # reads whatever compression apt keeps its lists in
SHINGLES = 'word 3-shingles: lower case, words [a-z0-9]+, joined by one space, BLAKE2b with a digest of 8 bytes, little-endian'
LICENCE = ("package descriptions are part of the packages' metadata, each under the licence of its package: "
           'see /usr/share/doc/PACKAGE/copyright')
NO_DESCRIPTIONS = """There are no English package descriptions in apt's lists. As root, run
    apt-get update
and try again. Where that leaves descriptions out (Docker's images do), or without root, let this script
fetch the lists into a directory of your own with --lists DIR"""


def apt_options(lists):
    # Acquire::Languages, because some machines are told to leave descriptions out
    options = ['-o', 'Acquire::Languages=en']
    return options + (['-o', f'Dir::State::lists={os.path.abspath(lists)}/'] if lists else [])


def find_indexes(lists):
    """[(what it is, path)] of the lists of English descriptions that are there."""
    form = '$(ORIGIN) $(VERSION) $(CODENAME)/$(COMPONENT)|$(FILENAME)'
    out = subprocess.run(['apt-get', 'indextargets', *apt_options(lists), '--format', form, 'Created-By: Translations', 'Language: en'],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return sorted(tuple(line.split('|', 1)) for line in out.splitlines())


def fetch_lists(lists):
    os.makedirs(os.path.join(lists, 'partial'), exist_ok=True)
    subprocess.run(['apt-get', 'update', '-q', *apt_options(lists)], check=True, stdout=sys.stderr)


def read_index(path):
    """Yields (package, text) for each paragraph of one list."""
    content = subprocess.run([*CAT_FILE, path], check=True, stdout=subprocess.PIPE).stdout.decode()
    for paragraph in content.split('\n\n'):
        head, found, description = paragraph.partition('\nDescription-en: ')
        name = re.search(r'^Package: (\S+)', head, re.M)
        if found and name:
            # a line of the long text starts with a space, and ' .' stands for an empty line
            yield name[1], re.sub(r'^ (\.$)?', '', description.strip('\n'), flags=re.M)


def read_texts(indexes):
    """{package: text}; where a package has several texts, the first in order, so that the order of apt's sources doesn't matter."""
    texts = {}
    for _, path in indexes:
        for name, text in read_index(path):
            texts[name] = min(text, texts.get(name, text))
    return texts


def shingles(text):
    words = re.findall('[a-z0-9]+', text.lower())
    grams = {' '.join(words[i:i + 3]) for i in range(max(len(words) - 2, 1))} - {''}
    digests = b''.join(hashlib.blake2b(gram.encode(), digest_size=8).digest() for gram in grams)
    return np.sort(np.frombuffer(digests, '<u8'))


def write_lists(group, values, items, dtype, compression):
    """Writes variable-length items as indptr and one flat dataset."""
    group.create_dataset('indptr', data=np.cumsum([0] + [len(i) for i in items], dtype=dtype), **compression)
    group.create_dataset(values, data=np.concatenate(items), **compression)


def write(path, names, texts, source, compression):
    sets = [shingles(text) for text in texts]
    as_bytes = lambda strings: [np.frombuffer(s.encode(), 'u1') for s in strings]
    with h5py.File(path, 'w') as out:
        write_lists(out.create_group('sets'), 'indices', sets, np.int64, compression)
        write_lists(out.create_group('ids'), 'bytes', as_bytes(names), np.uint64, compression)
        write_lists(out.create_group('texts'), 'bytes', as_bytes(texts), np.uint64, compression)
        attributes = out['sets'].attrs
        attributes['shape'] = np.array([len(sets), 2**64 - 1], np.uint64)
        attributes['source'], attributes['licence'], attributes['shingles'] = source, LICENCE, SHINGLES
    return sum(map(len, sets))


def build(args):
    indexes = find_indexes(args.lists)
    if not indexes and args.lists:
        fetch_lists(args.lists)
        indexes = find_indexes(args.lists)
    if not indexes:
        sys.exit(NO_DESCRIPTIONS)
    texts = read_texts(indexes)
    names = sorted(texts)[args.first:][:args.count]
    if not names:
        sys.exit(f'no packages from number {args.first} on: there are {len(texts)}')
    source = 'package descriptions in the package index of ' + ', '.join(what for what, _ in indexes)
    if len(names) < len(texts):
        source += f'; packages {args.first} to {args.first + len(names) - 1} of {len(texts)}'
    elements = write(args.output, names, [texts[n] for n in names], source, {'compression': 'gzip'} if args.gzip else {})
    print(f'{args.output}: {len(names)} packages, {elements} shingles')


def main():
    parser = argparse.ArgumentParser(description='Builds a real data set of sets from the package descriptions that apt holds.')
    parser.add_argument('-o', '--output', required=True, metavar='OUT', help='HDF5 file to write')
    parser.add_argument('--from', dest='first', type=int, default=0, metavar='N', help='first package, by number (default 0)')
    parser.add_argument('--count', type=int, metavar='M', help='how many packages (default: all that follow)')
    parser.add_argument('--gzip', action='store_true', help='compress the file')
    parser.add_argument('--lists', metavar='DIR', help='use the lists in DIR, fetched with apt-get update if they are not there (needs no root)')
    args = parser.parse_args()
    if args.first < 0 or (args.count is not None and args.count < 0):
        parser.error('--from and --count cannot be negative')

    try:
        build(args)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f'{parser.prog}: {error}')


if __name__ == '__main__':
    main()
