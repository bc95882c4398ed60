"""Reproducible damaged copies of a file, which a reader must refuse or read by their content."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

OTHER_KINDS = {
    "empty": b"",
    "zeros": bytes(4096),
    "text": b"hello\n",
    "not UTF-8": b"name: \xff\xfe\n",
    "JSON": b'{"a": [1, 2]}\n',
    "deep JSON": b"[" * 100_000,
    "a long number": b"9" * 5000,
    "ZIP's beginning": b"PK\x03\x04" + bytes(60),
    "ZIP's end": b"PK\x05\x06" + b"\xff" * 18,
    "NumPy's beginning": b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99, 1024, 2), }\n",
    "HDF5's beginning": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "a pickle": b"cos\nsystem\n(S'true'\ntR.",
    "noise": np.random.default_rng(1).bytes(3000),
}
"""Name -> content of files that are no file of the reader's kind, or hardly one."""


def truncated(content: bytes, count: int = 40) -> Iterator[bytes]:
    """The file cut off at `count` places spread over it, and just before its end."""
    for length in {*np.linspace(0, len(content) - 1, count).astype(int).tolist(), len(content) - 1}:
        yield content[:length]


def flipped(content: bytes, count: int = 400, within: int | None = None) -> Iterator[bytes]:
    """The file with one bit flipped, at `count` random places of its first `within` bytes (default: all)."""
    random = np.random.default_rng(len(content))
    for place in random.integers(within or len(content), size=count):
        changed = bytearray(content)
        changed[place] ^= 1 << int(random.integers(8))
        yield bytes(changed)


def damaged(content: bytes, flips: int = 400) -> Iterator[bytes]:
    """All damaged copies."""
    yield from OTHER_KINDS.values()
    yield from truncated(content)
    yield from flipped(content, flips)
    yield from flipped(content, flips // 4, min(128, len(content)))  # headers
