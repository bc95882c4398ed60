"""Pruning without training: masks, channels, zeros in the exported model and its score, impossible settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from training.cost.score import score_model
from training.experiments.experiment import load_experiment
from training.models.cost import unpruned_score
from training.techniques.pruning import Iterative
from training.techniques.pruning_channels import keep_strongest_channels, without_channels
from training.techniques.pruning_masks import (
    apply,
    initial_masks,
    keep_largest_in_all,
    keep_largest_in_each,
    kept_fraction,
    weights,
)
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.reference import IntegerNetwork

SMALL = {"channels": [8, 12], "kernels": [3, 3], "strides": [2, 4]}
DATA = TrainingData("synthetic", "none: random weights", "0" * 64)


def _zeros(network: torch.nn.Module) -> float:
    values = torch.cat([w.flatten() for w in weights(network).values()])
    return float((values == 0).float().mean())


def test_the_smallest_weights_of_all_layers_go(lively: Callable):
    network = lively("polyphase", SMALL)
    masks = keep_largest_in_all(network, initial_masks(network, zeros=True), 0.3)
    magnitudes = torch.cat([w.abs().flatten() for w in weights(network).values()])
    kept = torch.cat([mask.flatten() for mask in masks.values()])
    assert int(kept.sum()) == round(0.3 * len(kept))
    assert magnitudes[kept].min() >= magnitudes[~kept].max()


def test_each_layer_loses_the_same_share_and_what_is_gone_stays_gone(lively: Callable):
    network = lively("polyphase", SMALL)
    first = keep_largest_in_each(network, initial_masks(network, zeros=True), 0.5)
    apply(first, network)
    with torch.no_grad():
        for name, weight in weights(network).items():
            weight[~first[name]] = 10.0  # pruned weights that something made large again
    second = keep_largest_in_each(network, first, 0.25)
    for name, mask in second.items():
        assert int(mask.sum()) == round(0.25 * mask.numel())
        assert not (mask & ~first[name]).any()


def test_a_network_that_has_zeros_keeps_them(lively: Callable):
    network = lively("polyphase", SMALL)
    apply(keep_largest_in_all(network, initial_masks(network, zeros=True), 0.4), network)
    assert kept_fraction(initial_masks(network, zeros=True)) == pytest.approx(0.4, abs=1e-3)


@pytest.mark.training
@pytest.mark.parametrize(
    ("topology", "parameters"),
    [
        ("polyphase", {**SMALL, "weight_bits": [4, 3, 8]}),
        ("vgg10", {"filters": 8, "dense": 16}),
        ("bacalhaunet", {}),
    ],
)
def test_zeros_reach_the_exported_model_and_lower_the_score_by_their_share(
    lively: Callable, tmp_path: Path, topology: str, parameters: dict
):
    network = lively(topology, parameters)
    full = unpruned_score(network)
    apply(keep_largest_in_all(network, initial_masks(network, zeros=True), 0.35), network)
    layers = [m for m in network.modules() if hasattr(m, "weight_quant")]
    zeros = [float((layer.quant_weight().value == 0).double().mean()) for layer in layers]  # of integers, as exported
    exactly = [float((layer.weight == 0).double().mean()) for layer in layers]
    assert sum(exactly) and all(q >= z for q, z in zip(zeros, exactly, strict=True))
    save_checkpoint(tmp_path / "c.pth", TrainedNetwork(network, topology, parameters, DATA))
    model = export(tmp_path / "c.pth", tmp_path)
    score = score_model(model)
    for pruned, unpruned, share in zip(score.layers, full.layers, zeros, strict=True):
        assert pruned.bit_ops == pytest.approx((1 - share) * unpruned.bit_ops, rel=1e-9)
        assert pruned.bit_mem == pytest.approx((1 - share) * unpruned.bit_mem, rel=1e-9)
    assert score.bit_ops == pytest.approx(
        sum((1 - z) * layer.bit_ops for z, layer in zip(zeros, full.layers, strict=True)), abs=1
    )
    graph = ModelWrapper(str(model))
    context = execute_onnx(graph, {"iq": generate_spread(1, 1).iq[0].T[None].copy()}, return_full_exec_context=True)
    names = {t.name for t in onnx.load(model).graph.initializer}
    quantised = [n for n in graph.graph.node if n.op_type == "Quant" and n.input[0] in names]
    weight_values = [context[n.output[0]] for n in quantised if context[n.output[0]].ndim > 1]
    found = sum(int((values == 0).sum()) for values in weight_values) / sum(values.size for values in weight_values)
    assert found >= 0.65


@pytest.mark.parametrize(
    ("topology", "parameters"),
    [
        ("polyphase", SMALL),
        ("polyphase", {**SMALL, "per_channel_scales": False}),
        pytest.param("vgg10", {"filters": 8, "dense": 16}, marks=pytest.mark.training),
    ],
)
def test_the_network_without_channels_computes_the_same_integers(lively: Callable, topology: str, parameters: dict):
    network = lively(topology, parameters)
    masks = keep_strongest_channels(network, initial_masks(network, zeros=False), 0.5, multiple_of=2)
    apply(masks, network)
    iq = generate_spread(48, 4).iq
    with torch.no_grad():  # batch norms with statistics of what is left, or little is alive
        for _ in range(20):
            network.train()(torch.from_numpy(iq).permute(0, 2, 1))
    network.eval()
    smaller, described = without_channels(network, topology, parameters)
    widths = [network.get_parameter(f"{group.producer}.weight").shape[0] for group in network.channel_groups()]
    left = [smaller.get_parameter(f"{group.producer}.weight").shape[0] for group in smaller.channel_groups()]
    assert left == [width // 2 for width in widths]
    assert sum(p.numel() for p in smaller.parameters()) < 0.55 * sum(p.numel() for p in network.parameters())
    full, less = IntegerNetwork(network), IntegerNetwork(smaller)
    assert full.logit_scale == less.logit_scale
    logits = full(iq)
    assert len(np.unique(logits, axis=0)) > 20, "the frames must not all look alike to the network"
    np.testing.assert_array_equal(less(iq), logits)
    if topology == "polyphase":
        assert described["channels"] == [4, 6]


def test_channels_stay_in_multiples_and_at_least_one(lively: Callable):
    network = lively("polyphase", SMALL)
    for kept, multiple, expected in ((0.3, 4, [4, 4]), (0.4, 4, [4, 8]), (0.01, 1, [1, 1]), (0.9, 16, [8, 12])):
        masks = keep_strongest_channels(network, initial_masks(network, zeros=False), kept, multiple)
        rows = [masks[f"{g.producer}.weight"].flatten(1).any(1).sum() for g in network.channel_groups()]
        assert [int(n) for n in rows] == expected


def test_the_curves_are_the_published_ones():
    cubic = Iterative(kind="iterative", sparsity=0.8, steps=4)
    assert [cubic.kept(k, 1.0) for k in (1, 2, 3, 4)] == pytest.approx([1 - 0.4625, 0.3, 0.2125, 0.2])
    assert cubic.kept(2, 0.9) == pytest.approx(1 - (0.8 + (0.1 - 0.8) * 0.5**3))  # Zhu and Gupta, equation 1
    fifth = Iterative(kind="iterative", sparsity=1 - 0.8**10, steps=10, curve="geometric")
    assert [fifth.kept(k, 1.0) for k in (1, 2, 10)] == pytest.approx([0.8, 0.64, 0.8**10])
    assert Iterative(kind="iterative", sparsity=0.7, steps=1).kept(1, 1.0) == pytest.approx(0.3), "one-shot"


ITERATIVE = {"kind": "iterative", "sparsity": 0.5, "steps": 2}


@pytest.mark.parametrize(
    ("pruning", "message"),
    [
        ({"schedule": {"kind": "feedback"}}, r"pruning.schedule.feedback.floor: Field required"),
        ({"schedule": {"kind": "feedback", "floor": 0.5, "sparsity": 0.9}}, "sparsity: Extra inputs"),
        ({"schedule": {"kind": "feedback", "floor": 56}}, "floor: Input should be less than 1"),
        ({"schedule": {"kind": "feedback", "floor": 0.5, "step": 0.01}}, "less than minimum_step"),
        ({"schedule": {"kind": "iterative", "steps": 2}}, "sparsity: Field required"),
        ({"schedule": {**ITERATIVE, "sparsity": 1.0}}, "sparsity: Input should be less than 1"),
        ({"schedule": {**ITERATIVE, "every": 5}}, r"epoch 5 \(from 0\), but training.epochs = 4"),
        ({"schedule": {"kind": "sometimes"}}, "'iterative', 'feedback'"),
        (
            {"schedule": ITERATIVE, "method": "globl"},
            "method: Input should be 'global', 'layer', 'channels' or 'ablation'",
        ),
        ({"schedule": ITERATIVE, "multiple_of": 8}, "multiple_of counts channels"),
        ({"method": "channels"}, "schedule: Field required"),
    ],
)
def test_impossible_settings_are_refused_by_name(tmp_path: Path, pruning: dict, message: str):
    path = tmp_path / "e.yaml"
    path.write_text(f"name: x\ntopology: polyphase\ntraining: {{epochs: 4}}\npruning: {pruning}\n")
    with pytest.raises(RadioMLError, match=message):
        load_experiment(str(path))


def test_feedback_does_not_go_with_averaging():
    with pytest.raises(RadioMLError, match="leave out one of the two"):
        load_experiment("amc_team", ["averaging={}"])
