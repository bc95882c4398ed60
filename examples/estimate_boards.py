"""How fast would a network be on every board, with 20 % of each board's resources to spare?

python examples/estimate_boards.py FOLDER [MODEL.onnx]      FOLDER: for the cache; without a model: the shipped network
"""

import shutil
import sys
from functools import partial
from pathlib import Path

from finn_build.boards import board_names
from finn_build.exploration.all_pairs import estimate_all
from radioml.shipped import NETWORK


def copied(model: Path, name: str, folder: Path) -> Path:
    """The `make_model` of `estimate_all`, for the one model of this script."""
    (folder / "train").mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(model, folder / "train" / "model.onnx"))


if __name__ == "__main__":
    model = Path(sys.argv[2]) if len(sys.argv) > 2 else NETWORK
    table = estimate_all(["network"], board_names(), partial(copied, model), Path(sys.argv[1]))
    for pair in table.cells:
        speed = f"{pair.frames_per_second:12,.0f} frames/s" if pair.verdict == "fits" else pair.verdict
        print(f"{pair.board:10} {speed}")
