"""The reference: the integer logits of the trained network, which every later stage must reproduce exactly."""

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
from training.models.exportable import Exportable
from training.trained.checkpoint import TrainedNetwork, load_checkpoint

_FRAMES_AT_ONCE = 32
"""Frames that go through the network together: with more, VGG10's tensors leave the caches, and it halves in speed."""
_SMALL_FRAMES_AT_ONCE = 512
"""The same for a network with many small tensors: with fewer frames, calls take longer than the computation."""
_ACTIVATIONS = (qnn.QuantReLU, qnn.QuantIdentity, qnn.QuantHardTanh)


def input_quantiser(network: nn.Module) -> InputQuantiser:
    """The quantiser of the network's input; the host computes it in front of an accelerator."""
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
            f"topology {topology!r}: the first QuantIdentity, which quantises the input, learns its scale. Frames are "
            "quantised once, before training, so the scale must be constant, as in "
            "training.models.quantisers.InputQuant"
        )
    if not any(isinstance(m, qnn.QuantLinear) for m in network.modules()):
        raise RadioMLError(f"topology {topology!r}: the last layer must be a QuantLinear, whose sums are the logits")
    if classifier(network).weight_quant.scale().numel() != 1:
        raise RadioMLError(
            f"topology {topology!r}: the last layer has a weight scale for each class, so its integers cannot be "
            "compared between classes; use one for the whole layer"
        )


def _input_quant(network: nn.Module, last: qnn.QuantLinear) -> Any:
    """The quantiser of the last dense layer's input: the layer's own, or that of the activation computed last."""
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
    """The trained network, run by Brevitas in double precision, or in single precision where that is exact.

    Scales and batch norms have their float32 values; weights are the integers that float32 quantisation gives. All sums
    are then exact integers, as in hardware. Single precision would round an activation near a threshold to the other
    side now and then.

    The constructor changes the given network: to double precision and Brevitas' inference mode, or only to evaluation
    mode where single precision is exact.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network = network.float().eval()
        self._dtype, self._frames_at_once = torch.float64, _FRAMES_AT_ONCE
        if isinstance(network, Exportable):
            self.logit_scale = network.logit_scale
            self._dtype, self._frames_at_once = torch.float32, _SMALL_FRAMES_AT_ONCE
            return
        last = classifier(self.network)
        with torch.no_grad():
            input_scale, weight_scale = _input_quant(self.network, last).scale(), last.weight_quant.scale()
            self.logit_scale = float(input_scale) * float(weight_scale)
            # Weights and bias are quantised in single precision: a quotient halfway between two integers there may
            # lie beside the half in double precision.
            bias_scale = input_scale * weight_scale
            bias = torch.round(last.bias / bias_scale) if last.bias_quant.is_quant_enabled else None
            weights = {m: m.quant_weight() for m in self.network.modules() if isinstance(m, QuantWeightMixin)}
            # In inference mode the scales that Brevitas computed in single precision become constants.
            quant_inference_mode(self.network).__enter__()
            self.network(torch.zeros(1, 2, FRAME_LENGTH))
            self.network.double()
            for layer, quantised in weights.items():
                layer.weight.copy_(quantised.int().double() * quantised.scale.double())
            if bias is not None:
                last.bias.copy_(bias.double() * bias_scale.double())

    def __call__(self, iq: np.ndarray, progress: Callable[[int], object] = lambda done: None) -> np.ndarray:
        """Logits int64 (N, classes) of frames float32 (N, 1024, 2).

        Raises RadioMLError for a logit that is no integer multiple of the logit scale.
        """
        batch = self._frames_at_once
        logits = [np.empty((0, len(CLASSES)), np.int64)]
        with torch.no_grad():
            for start in range(0, len(iq), batch):
                x = torch.from_numpy(np.ascontiguousarray(iq[start : start + batch])).to(self._dtype).permute(0, 2, 1)
                logits.append(logits_as_integers(self.network(x).double().numpy(), self.logit_scale))
                progress(min(start + batch, len(iq)))
        return np.concatenate(logits)


def integer_logits(
    checkpoint: Path | str, iq: np.ndarray, progress: Callable[[int], object] = lambda done: None
) -> np.ndarray:
    """Integer logits int64 (N, classes) of a checkpoint for frames float32 (N, 1024, 2)."""
    trained: TrainedNetwork = load_checkpoint(checkpoint)
    return IntegerNetwork(trained.network)(iq, progress=progress)
