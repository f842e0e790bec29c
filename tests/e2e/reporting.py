"""Runs lshreport, and takes its page apart."""
import os
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import joins

LSHREPORT = Path(os.environ.get("LSHREPORT", joins.ROOT / "src" / "lshreport")).absolute()
SLICE = joins.ROOT / "data" / "debian-slice.h5"


def report(*args):
    said = subprocess.run([LSHREPORT, *map(str, args)], capture_output=True, text=True, timeout=120)
    return joins.Run(said.returncode, said.stdout, said.stderr)


class Page(HTMLParser):
    """All words of a page, its headings, and what it would load from elsewhere."""
    VOID = {"meta", "link", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.titles, self.loads, self.ids = [], [], [], [], []
        self.feed(text)
        assert self.open == [], "elements that are not closed"

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.loads += [attrs[name] for name in ("src", "href", "xlink:href") if not attrs.get(name, "#").startswith("#")]
        self.loads += [tag] if tag in ("script", "link", "img", "iframe") else []

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            assert "url(" not in data and "@import" not in data
        elif data.strip():
            self.words.append(data.strip())
            self.titles += [data] if self.open[-1] in ("h1", "h2") else []
