"""The driver's first check: the accelerator gives the logits of the trained network."""

from __future__ import annotations

import numpy as np

from deploy.accelerator import Accelerator
from deploy.checks.diagnosis import diagnose
from radioml.contract.package import Package
from radioml.errors import MismatchError


def check_golden(accelerator: Accelerator, package: Package) -> int:
    """Run the package's golden frames and compare every logit as an integer; returns the number of frames.

    Raises MismatchError with the first difference and its likely cause.
    """
    iq, expected = package.golden()
    found = accelerator.infer(package.manifest.quantiser(iq)).logits
    if found.shape == expected.shape and (found == expected).all():
        return len(iq)
    cause = diagnose(package.manifest, iq, expected, found, lambda integers: accelerator.infer(integers).logits)
    raise MismatchError(_difference(found, expected, package) + cause)


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
