"""Which modulations are in a recording?

python examples/stream_recording.py [RECORDING]      without one: a synthetic QPSK signal of 16 frames
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from deploy.sources.opening import open_source
from deploy.stream import stream
from radioml.data.synthetic import generate_cell
from radioml.shipped import NETWORK

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        recording = sys.argv[1] if len(sys.argv) > 1 else str(Path(folder, "qpsk.cf32"))
        if len(sys.argv) == 1:
            generate_cell(np.random.default_rng(1), 16, "QPSK", 30).tofile(recording)
        heard = stream(NETWORK, open_source(recording), None, 1, lambda row: print(row["frame"], row["class"]))
    print(f"{heard.frames} frames:", ", ".join(f"{count} {name}" for name, count in heard.counts.items()))
