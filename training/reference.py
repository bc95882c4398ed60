"""The network as trained, in integers: what every later stage must reproduce exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.export.inference import quant_inference_mode
from brevitas.nn.mixin.parameter import QuantWeightMixin
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from radioml.contract.quantiser import InputQuantiser
from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import logits_as_integers
from training.checkpoint import TrainedNetwork, load_checkpoint

FRAMES_AT_ONCE = 512
"""Frames that go through the network together."""
_ACTIVATIONS = (qnn.QuantReLU, qnn.QuantIdentity, qnn.QuantHardTanh)


def input_quantiser(network: nn.Module) -> InputQuantiser:
    """The quantiser in front of the network, which becomes the host's task."""
    layer = next(m for m in network.modules() if isinstance(m, (qnn.QuantIdentity, qnn.QuantHardTanh)))
    with torch.no_grad():
        scale = float(layer.act_quant.scale())
        bits = int(layer.act_quant.bit_width())
    return InputQuantiser(bits, scale)


def classifier(network: nn.Module) -> qnn.QuantLinear:
    """The last dense layer."""
    return [m for m in network.modules() if isinstance(m, qnn.QuantLinear)][-1]


def check_ends(network: nn.Module, topology: str) -> None:
    """Raise RadioMLError unless the host can quantise a network's input, and its logits are integers times a scale."""
    quantisers = [m for m in network.modules() if isinstance(m, (qnn.QuantIdentity, qnn.QuantHardTanh))]
    if not quantisers:
        raise RadioMLError(
            f"topology {topology!r} has no QuantIdentity for its input; put one first, e.g. "
            "QuantIdentity(act_quant=training.models.quantisers.InputQuant)"
        )
    if any(parameter.requires_grad for parameter in quantisers[0].act_quant.parameters()):
        raise RadioMLError(
            f"topology {topology!r}: its first QuantIdentity, which quantises the input, learns its scale; frames are "
            "quantised once, before training: give it a constant one, as training.models.quantisers.InputQuant has"
        )
    if not any(isinstance(m, qnn.QuantLinear) for m in network.modules()):
        raise RadioMLError(f"topology {topology!r} has no QuantLinear as its last layer, whose sums are the logits")
    if classifier(network).weight_quant.scale().numel() != 1:
        raise RadioMLError(
            f"topology {topology!r}: the last layer has a weight scale for each class, so its integers cannot be "
            "compared between classes; use one for the whole layer"
        )


def _input_quant(network: nn.Module, last: qnn.QuantLinear) -> Any:
    """What quantises the last dense layer's input: the layer itself, or else the activation that was computed last."""
    if last.input_quant.is_quant_enabled:
        return last.input_quant
    computed: list[nn.Module] = []
    hooks = [
        module.register_forward_hook(lambda module, _, output: computed.append(module))
        for module in network.modules()
        if isinstance(module, (*_ACTIVATIONS, qnn.QuantLinear))
    ]
    try:
        network(torch.zeros(1, 2, FRAME_LENGTH))
    finally:
        for hook in hooks:
            hook.remove()
    before = computed[: computed.index(last)]
    return [module for module in before if isinstance(module, _ACTIVATIONS)][-1].act_quant


class IntegerNetwork:
    """Integer logits of a trained network: Brevitas in double precision on the network's single-precision constants.

    The QONNX file carries scales and batch norms in single precision, and weights that are integers once quantised;
    with those as exact numbers the network means exact integer sums and comparisons, which is what hardware computes.
    Single-precision arithmetic would tip an activation now and then that lies next to a threshold, by its rounding
    alone; double precision does not. The network is taken over and changed: it stays in double precision and in
    Brevitas' inference mode.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.float().eval()
        last = classifier(self.network)
        with torch.no_grad():
            input_scale, weight_scale = _input_quant(self.network, last).scale(), last.weight_quant.scale()
            self.logit_scale = float(input_scale) * float(weight_scale)
            # Weights' and bias's integers are those of single precision: a quotient that is there exactly halfway
            # between two integers may not be in double.
            bias_scale = input_scale * weight_scale
            bias = torch.round(last.bias / bias_scale) if last.bias_quant.is_quant_enabled else None
            weights = {m: m.quant_weight() for m in self.network.modules() if isinstance(m, QuantWeightMixin)}
            # In this mode Brevitas keeps the scales that it computed (in single precision) as constants.
            quant_inference_mode(self.network).__enter__()
            self.network(torch.zeros(1, 2, FRAME_LENGTH))
            self.network.double()
            for layer, quantised in weights.items():
                layer.weight.copy_(quantised.int().double() * quantised.scale.double())
            if bias is not None:
                last.bias.copy_(bias.double() * bias_scale.double())

    def __call__(
        self, iq: np.ndarray, batch: int = FRAMES_AT_ONCE, progress: Callable[[int], object] = lambda done: None
    ) -> np.ndarray:
        """Frames float32 (N, 1024, 2) -> int64 (N, classes); raises RadioMLError if a logit is not an integer step."""
        logits = [np.empty((0, len(CLASSES)), np.int64)]
        with torch.no_grad():
            for start in range(0, len(iq), batch):
                x = torch.from_numpy(np.ascontiguousarray(iq[start : start + batch])).double().permute(0, 2, 1)
                logits.append(logits_as_integers(self.network(x).numpy(), self.logit_scale))
                progress(min(start + batch, len(iq)))
        return np.concatenate(logits)


def integer_logits(
    checkpoint: Path | str, iq: np.ndarray, progress: Callable[[int], object] = lambda done: None
) -> np.ndarray:
    """Integer logits int64 (N, classes) of a checkpoint for frames float32 (N, 1024, 2)."""
    trained: TrainedNetwork = load_checkpoint(checkpoint)
    return IntegerNetwork(trained.network)(iq, progress=progress)
