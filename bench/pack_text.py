#!/usr/bin/python3
"""pack_text.py MB TEXT.txt TEXT.jsonl: Debian's package descriptions (those in data/debian-slice.h5), one a line, again and
again with three words of each changed at random, until there are MB megabytes; the second file holds the same texts as
{"id": number, "text": text}. The same call makes the same files."""
import json
import os
import random
import sys

import h5py

CHANGED = 3


def read_texts():
    slice_of_debian = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "debian-slice.h5")
    with h5py.File(slice_of_debian, "r") as f:
        indptr, data = f["texts/indptr"][:].tolist(), f["texts/bytes"][:].tobytes()
    return [" ".join(data[a:b].decode().split()) for a, b in zip(indptr, indptr[1:])]


def variations(texts):
    random.seed(1)
    vocabulary = sorted({word for text in texts[:1000] for word in text.split()})
    while True:
        for text in texts:
            words = text.split(" ")
            for _ in range(CHANGED):
                words[random.randrange(len(words))] = random.choice(vocabulary)
            yield " ".join(words)


def main():
    size, number = float(sys.argv[1]) * 1e6, 0
    with open(sys.argv[2], "w") as plain, open(sys.argv[3], "w") as lines:
        for text in variations(read_texts()):
            plain.write(text + "\n")
            lines.write(json.dumps({"id": number, "text": text}) + "\n")
            size -= len(text.encode()) + 1
            number += 1
            if size <= 0:
                break


if __name__ == "__main__":
    main()
