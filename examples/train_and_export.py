"""Make frames, train a small network on them, and write it as QONNX.

python examples/train_and_export.py FOLDER [FRAMES_PER_CELL [EPOCHS]]      default: 40 frames a class and SNR, 1 epoch
"""

import sys
from pathlib import Path

from rich.console import Console

from radioml.data.synthetic import write_dataset
from training.experiments.experiment import load_experiment
from training.loop.train import train
from training.trained.export import export

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    frames_per_cell = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    write_dataset(folder / "frames.hdf5", frames_per_cell, seed=1)
    epochs = sys.argv[3] if len(sys.argv) > 3 else "1"
    experiment = load_experiment("polyphase_small", [f"training.epochs={epochs}", "pruning=null"])
    trained = train(experiment, folder / "frames.hdf5", folder / "run", Console(stderr=True))
    model = export(folder / "run" / "train" / "checkpoint.pth", folder / "run" / "train")
    print(f"{model}: {trained.accuracy.overall:.1%} of {trained.accuracy.frames:,} synthetic test frames")
