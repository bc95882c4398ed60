"""Compare networks on two files: accuracy by class in percent, as a table in Markdown.

python examples/accuracy_by_class.py DATA OTHER NETWORK ...

NETWORK: checkpoint, model.onnx or weights of the sandbox as TOPOLOGY=FILE. NETWORK@FRAMES takes that many frames.
"""

import sys
from pathlib import Path

from radioml.constants import CLASSES
from radioml.report.evaluation import Evaluation
from training.trained.evaluate import evaluate


def evaluated(network: str, data: str) -> Evaluation:
    """A network of the command line on all frames of a file, or on some spread evenly over classes and SNRs."""
    name, _, frames = network.partition("@")
    topology, _, path = name.rpartition("=")
    return evaluate(Path(path), Path(data), "all", int(frames) if frames else None, topology or None)


if __name__ == "__main__":
    files, networks = sys.argv[1:3], sys.argv[3:]
    metrics = [evaluated(network, data).metrics for network in networks for data in files]
    columns = [f"{Path(network).stem} on {Path(data).stem}" for network in networks for data in files]
    print("| class |", *(f"{column} |" for column in columns))
    print("|---|" + "---|" * len(columns))
    for name in CLASSES:
        print(f"| {name} |", *(f"{100 * of.per_class[name].accuracy:.0f} |" for of in metrics))
    whole = [(100 * of.overall.accuracy, *(100 * end for end in of.overall.interval)) for of in metrics]
    print("| all |", *(f"{share:.1f} ({low:.1f} to {high:.1f}) |" for share, low, high in whole))
