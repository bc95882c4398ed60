"""What the build knew of an rtl/ folder, for a test that compiles a changed copy of it."""

from __future__ import annotations

import re
from pathlib import Path

from finn_build.rtl.hdl import Design
from finn_build.rtl.top import Layer
from radioml.contract.package import Manifest

_ROW = re.compile(r"^\| (\w+_rtl_\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.M)


def design_of(manifest: Manifest, rtl: Path) -> Design:
    """The design, from the layers that the folder's README lists."""
    layers = (
        Layer(
            name,
            name,
            int(bits_in),
            int(bits_out),
            int(words),
            gauge=name.startswith("StreamingFIFO"),
            tap=name.startswith("Thresholding"),
        )
        for name, bits_in, bits_out, words in _ROW.findall((rtl / "README.md").read_text())
    )
    return Design(manifest.input, manifest.output, tuple(layers), ())
