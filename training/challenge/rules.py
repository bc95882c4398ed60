"""Checks of the rules of challenge ITU-ML5G-PS-007 ("Criteria for valid submissions"), as far as possible here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from brevitas.nn.mixin.parameter import QuantWeightMixin
from onnx import numpy_helper
from torch import nn

from radioml.constants import FRAME_LENGTH, FULL_FRAMES_PER_CELL, REQUIRED_ACCURACY
from radioml.contract.golden import GOLDEN_FRAMES, GOLDEN_SEED
from radioml.contract.metadata import load_exported
from radioml.data.layout import CELLS, Layout
from radioml.data.provenance import learnt_from
from radioml.data.split import TEST_FRACTION, fixed_split
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from training.cost.score import counted
from training.trained.export import compare
from training.trained.reference import integer_logits
from training.trained.trained_run import TrainedRun

PASS, FAIL, UNCHECKED = "pass", "fail", "not checkable here"
TEST_DIGEST = "874296601fa7d746fa485104fd5d9efe43c16fa67c6a675b3a78f5bf2e65dc1f"
"""SHA-256 of the official test indices, as the procedure in the challenge's notebook gives them; see `Split.digest`."""
_QUANTISERS = {"Quant", "IntQuant", "BipolarQuant"}
_DOMAINS = {"", "ai.onnx", "qonnx.custom_op.general"}


@dataclass(frozen=True)
class Verdict:
    """The result of checking one rule.

    rule: in short. status: PASS, FAIL or UNCHECKED. why: the finding.
    """

    rule: str
    status: str
    why: str


def check_rules(run: TrainedRun, progress: Callable[[int, int], object] = lambda done, total: None) -> list[Verdict]:
    """A verdict on each rule about the network; `training.challenge.submission` checks the content of the zip.

    progress: called with the number of frames on which model and network were compared and of all.
    """
    model, metadata = load_exported(run.model)
    return [
        _brevitas(run),
        Verdict(
            "exported by BrevitasONNXManager", UNCHECKED,
            "Brevitas has replaced it by export_qonnx, which made this model: the organisers' decision",
        ),
        _same_network(run, model, metadata.logit_scale, progress),
        _split(run),
        _accuracy(run),
        _input(model),
        _cost(run),
        _custom_operations(model),
        _free_operations(model),
        _quantisation(model),
        Verdict("registered team of up to 4, in time, published after the deadline", UNCHECKED, "the team knows"),
    ]  # fmt: skip


def _brevitas(run: TrainedRun) -> Verdict:
    layers = [layer for layer in run.trained.network.modules() if isinstance(layer, (nn.Conv1d, nn.Linear))]
    plain = sum(not isinstance(layer, QuantWeightMixin) for layer in layers)
    why = f"{len(layers) - plain} of {len(layers)} layers with weights are Brevitas layers"
    return Verdict("network in PyTorch and Brevitas", UNCHECKED if plain else PASS, why)


def _same_network(
    run: TrainedRun, model: onnx.ModelProto, logit_scale: float, progress: Callable[[int, int], object]
) -> Verdict:
    rule = "ONNX and PyTorch hold everything from IQ samples to the result"
    frames = generate_spread(GOLDEN_FRAMES, GOLDEN_SEED)
    try:
        compare(model, frames.iq, integer_logits(run.checkpoint, frames.iq), logit_scale, progress)
    except RadioMLError as error:
        return Verdict(rule, FAIL, str(error))
    return Verdict(rule, PASS, f"float IQ in, class logits out; equal logits on {len(frames)} of {len(frames)} frames")


def _split(run: TrainedRun) -> Verdict:
    rule = "trained on the training part of the official split"
    if fixed_split(Layout.full(FULL_FRAMES_PER_CELL)).digest()["test"] != TEST_DIGEST:
        return Verdict(rule, FAIL, "the source in the zip computes another split")
    data, *earlier = learnt_from(run.trained.training_data)
    for start in earlier:
        same_file = start.kind == "real" and start.sha256 == data.sha256
        if start.kind != "synthetic" and not same_file:
            first = f"{start.kind} data: {start.identity or 'unnamed'}"
            return Verdict(rule, UNCHECKED, f"started from weights trained on {first}, of whatever part")
    if {part.kind for part in (data, *earlier)} == {"synthetic"}:
        return Verdict(rule, PASS, "trained on synthetic frames alone, so on no test frame of RadioML 2018.01A")
    if data.kind == "real" and _on_whole_test_part(run):
        return Verdict(rule, PASS, "the source computes this split to the last index, and the full file was trained on")
    return Verdict(rule, UNCHECKED, f"trained on {data.identity or 'unknown data'}, not known to be the full file")


def _accuracy(run: TrainedRun) -> Verdict:
    rule = f"at least {100 * REQUIRED_ACCURACY:.3f} % on the real test part"
    measured = run.trained.accuracy
    if measured.overall is None:
        return Verdict(rule, UNCHECKED, "the checkpoint records no accuracy")
    found = f"{measured.overall:.3%} on {measured.frames:,} frames ({measured.data})"
    if run.trained.training_data.kind != "real":
        return Verdict(rule, UNCHECKED, f"only real data count: {found}")
    if not _on_whole_test_part(run):
        return Verdict(rule, UNCHECKED, f"not the whole test part: {found}")
    return Verdict(rule, PASS if measured.overall >= REQUIRED_ACCURACY else FAIL, f"after training: {found}")


def _on_whole_test_part(run: TrainedRun) -> bool:
    return run.trained.accuracy.frames == CELLS * math.ceil(TEST_FRACTION * FULL_FRAMES_PER_CELL)


def _input(model: onnx.ModelProto) -> Verdict:
    shape = tuple(d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim)
    good = len(model.graph.input) == 1 and shape == (1, 2, FRAME_LENGTH)
    return Verdict(f"ONNX input (1, 2, {FRAME_LENGTH}), batch 1", PASS if good else FAIL, f"the input is {shape}")


def _cost(run: TrainedRun) -> Verdict:
    rule = "inference cost computed by the official function"
    if unknown := run.score.unsupported:
        return Verdict(rule, FAIL, f"operations that it does not know: {counted(unknown)}")
    return Verdict(rule, PASS, f"score {run.score.score:.6f}; no unsupported operation")


def _custom_operations(model: onnx.ModelProto) -> Verdict:
    foreign = {n.op_type: 1 for n in model.graph.node if n.domain not in _DOMAINS}
    why = f"not approved: {', '.join(foreign)}" if foreign else "operations of ONNX and QONNX alone"
    return Verdict("no custom operations without approval", FAIL if foreign else PASS, why)


def _free_operations(model: onnx.ModelProto) -> Verdict:
    """The rules' text frees Mul, Div, Add and Sub for biases and scaling; the official function frees them always."""
    rule = "Mul, Div, Add, Sub for biases or scaling only"
    constant = {tensor.name for tensor in model.graph.initializer}
    found: dict[str, int] = {}
    for node in model.graph.node:
        varying = {name for name in node.input if name and name not in constant}
        if not varying:
            constant.update(node.output)
        elif node.op_type in ("Mul", "Div", "Add", "Sub") and len(varying) > 1:  # a square has the same input twice
            found[node.op_type] = found.get(node.op_type, 0) + 1
    if not found:
        return Verdict(rule, PASS, "none of them joins two activations")
    why = f"{counted(found)} of two activations: free for the official function, not clearly so in the rules' text"
    return Verdict(rule, UNCHECKED, why)


def _quantisation(model: onnx.ModelProto) -> Verdict:
    rule = "uniform quantisation with zero point 0, by Brevitas"
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    quantisers = [node for node in model.graph.node if "Quant" in node.op_type]
    if other := sorted({node.op_type for node in quantisers} - _QUANTISERS):
        return Verdict(rule, FAIL, f"not uniform: {', '.join(other)}")
    # A zero point that is computed is no constant 0.
    shifted = [
        node.name for node in quantisers
        if len(node.input) > 2 and np.any(constants.get(node.input[2], np.ones(1)))
    ]  # fmt: skip
    if shifted:
        return Verdict(rule, FAIL, f"another zero point in {len(shifted)} quantisers, the first is {shifted[0]}")
    return Verdict(rule, PASS, f"zero point 0 in all {len(quantisers)} quantisers of weights and activations")
