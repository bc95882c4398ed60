"""The first thing a driver does: does this accelerator give the logits that the trained network gave?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from deploy.accelerator import Accelerator
from radioml.errors import MismatchError
from radioml.package import Package


def check_golden(accelerator: Accelerator, package: Package) -> int:
    """Run the package's golden frames and compare every logit as an integer; returns the number of frames.

    Raises MismatchError with the first difference and, where the pattern tells, its likely cause.
    """
    iq, expected = package.golden()
    found = accelerator.infer(package.manifest.quantiser(iq)).logits
    if found.shape == expected.shape and (found == expected).all():
        return len(iq)
    raise MismatchError(_difference(found, expected, package) + _diagnosis(accelerator, package, iq, expected, found))


def _difference(found: np.ndarray, expected: np.ndarray, package: Package) -> str:
    """How many frames differ, and the first difference."""
    if found.shape != expected.shape:
        return f"the accelerator gave logits {found.shape} for golden logits {expected.shape}. "
    wrong = found != expected
    frame, logit = np.argwhere(wrong)[0]
    same_class = (found.argmax(1) == expected.argmax(1)).sum()
    return (
        f"{wrong.any(1).sum()} of {len(found)} golden frames differ from the trained network, {wrong.sum()} of "
        f"{wrong.size} logits; the first is {package.manifest.classes[logit]} of frame {frame}: "
        f"{found[frame, logit]} instead of {expected[frame, logit]}. Classes agree in {same_class} frames. "
    )


def _diagnosis(
    accelerator: Accelerator, package: Package, iq: np.ndarray, expected: np.ndarray, found: np.ndarray
) -> str:
    """Name the likely cause, trying the ways in which hosts are known to quantise differently from the network."""
    quantiser = package.manifest.quantiser
    floored = np.clip(np.floor(iq / np.float32(quantiser.scale)), quantiser.minimum, quantiser.maximum)
    variants = {
        "rounded down instead of to the nearest": floored.astype(np.int8),
        "quantised with twice the scale": replace(quantiser, scale=2 * quantiser.scale)(iq),
        "quantised with half the scale": replace(quantiser, scale=quantiser.scale / 2)(iq),
        "with I and Q exchanged": np.ascontiguousarray(quantiser(iq)[..., ::-1]),
    }
    for how, integers in variants.items():
        if np.array_equal(accelerator.infer(integers).logits, expected):
            return f"They agree when the frames are {how}: the manifest's input quantiser is not the network's."
    if found.shape == expected.shape:
        if np.array_equal(np.sort(found, 1), np.sort(expected, 1)):
            return "The values are right but in another order: the output stream is unpacked or wired differently."
        if (wrong_frames := (found != expected).any(1)).mean() < 0.5:
            return (
                f"Most frames agree, so quantiser and packing are right: a weight or threshold differs, or the golden "
                f"frames ({', '.join(map(str, np.flatnonzero(wrong_frames)[:5]))}) do. Build the package again."
            )
    return (
        f"No other quantiser explains it ({', '.join(variants)} were tried): accelerator and golden frames come from "
        "different builds or checkpoints. Build the package again."
    )
