"""The integer levels of every activation inside the trained network, for comparisons layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from torch import nn

from training.trained.checkpoint import load_checkpoint
from training.trained.reference import IntegerNetwork


@dataclass(frozen=True)
class InnerLevels:
    """Logits and activations of N frames.

    logits: int64 (N, classes).
    layers: levels of each activation, int64 (N, channels, ...), in the order of computation; the key is the name of the
        convolution or linear layer in front of the activation, which is a QuantReLU, or the first QuantIdentity behind
        the layer.
    classifier: name of the layer that gives the logits.
    """

    logits: np.ndarray
    layers: dict[str, np.ndarray]
    classifier: str


def inner_levels(checkpoint: Path | str, iq: np.ndarray) -> InnerLevels:
    """Levels of frames float32 (N, 1024, 2) in a checkpoint's network, computed as in `IntegerNetwork`."""
    trained = load_checkpoint(checkpoint).network
    scales: dict[nn.Module, float] = {}
    names: dict[nn.Module, str] = {}
    lowest: dict[nn.Module, int] = {}
    weighted = ""
    for name, module in trained.named_modules():
        if isinstance(module, (qnn.QuantConv1d, qnn.QuantConv2d, qnn.QuantLinear)):
            weighted = name
        elif isinstance(module, qnn.QuantReLU) or (
            isinstance(module, qnn.QuantIdentity) and weighted not in ("", *names.values())
        ):
            with torch.no_grad():
                scales[module], names[module] = float(module.act_quant.scale()), weighted
                lowest[module] = _lowest(module)
    network = IntegerNetwork(trained)
    seen: dict[str, list[np.ndarray]] = {}

    def note(module: nn.Module, _: Any, output: Any) -> None:
        values = getattr(output, "value", output).numpy() / scales[module]
        seen.setdefault(names[module], []).append(np.rint(values).astype(np.int64) - lowest[module])

    hooks = [module.register_forward_hook(note) for module in scales]
    try:
        logits = network(iq)
    finally:
        for hook in hooks:
            hook.remove()
    return InnerLevels(logits, {name: np.concatenate(parts) for name, parts in seen.items()}, weighted)


def _lowest(quantiser: qnn.QuantReLU | qnn.QuantIdentity) -> int:
    """The integer of the lowest level."""
    proxy = quantiser.act_quant
    return int(proxy.is_narrow_range) - 2 ** (int(proxy.bit_width()) - 1) if proxy.is_signed else 0
