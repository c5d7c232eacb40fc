"""An independent, plain reader of the text format 0.0.4, to compare with."""
import collections
import re

Sample = collections.namedtuple("Sample", "name labels value timestamp")

LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s*(\S+)(?:\s+(-?\d+))?\s*$')


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text)


def parse_page(text):
    samples = []
    for line in text.split("\n"):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        m = LINE.match(line)
        assert m, f"not a sample: {line!r}"
        labels = tuple(sorted((k, unescape(v)) for k, v in LABEL.findall(m[2] or "")))
        samples.append(Sample(m[1], labels, m[3], int(m[4]) if m[4] else None))
    return samples
