from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from radioml.contract.quantiser import InputQuantiser
from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from training.cost.score import score_model
from training.models import create, topologies
from training.models.polyphase import SpaceToDepth
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export
from training.trained.reference import input_quantiser


@pytest.mark.parametrize("phases", [1, 4, 8])
def test_space_to_depth_is_a_view_of_the_frame_for_the_host(phases: int):
    frame = np.arange(2048, dtype=np.float32).reshape(1024, 2)
    channels = SpaceToDepth(phases)(torch.from_numpy(frame.T[None].copy()))[0]
    np.testing.assert_array_equal(channels.T.numpy(), frame.reshape(1024 // phases, 2 * phases))


@pytest.mark.training
@pytest.mark.parametrize("topology", topologies())
def test_every_topology_classifies_a_batch_and_learns_it(topology: str):
    """The limit has a wide margin: after 8 steps the loss was 0.001 to 0.55 of the first on the processors tried."""
    torch.manual_seed(0)
    network = create(topology, {})
    frames = generate_spread(24, 2)
    iq, class_index = torch.from_numpy(frames.iq).permute(0, 2, 1), torch.from_numpy(frames.class_index)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(9):
        logits = network(iq)
        assert logits.shape == (24, 24)
        loss = torch.nn.functional.cross_entropy(logits, class_index)
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]


BASELINE_INPUT = InputQuantiser(bits=8, scale=1 / 64)
PUBLISHED_INPUTS = {"aaronnet": InputQuantiser(bits=6, scale=1 / 16), "amc_team": InputQuantiser(bits=4, scale=1 / 4)}


@pytest.mark.parametrize("topology", topologies())
def test_the_input_quantiser_is_the_published_one(topology: str):
    assert input_quantiser(create(topology, {})) == PUBLISHED_INPUTS.get(topology, BASELINE_INPUT)


# every width of weights and activations, and the (input, weight) widths that the score must see in each layer
MIXED = {
    "polyphase": (
        {"channels": [8, 8, 8], "kernels": [3, 3, 3], "strides": [2, 2, 2]},
        [8, 2, 3, 6],
        [4, 7, 5],
        [(8, 8), (4, 2), (7, 3), (5, 6)],
    ),
    "vgg10": (
        {"filters": [4, 5, 6, 4, 5, 6, 4], "dense": [9, 8]},
        [8, 7, 6, 5, 4, 3, 2, 4, 5, 6],
        [2, 3, 4, 5, 6, 7, 8, 4, 3],
        [(8, 8), (2, 7), (3, 6), (4, 5), (5, 4), (6, 3), (7, 2), (8, 4), (4, 5), (3, 6)],
    ),
    "bacalhaunet": (
        {"channels": [6, 6], "kernels": [3, 3], "strides": [2, 2]},
        [7, 3, 4, 5, 8],
        [3, 4, 5, 6],
        [(8, 7), (3, 3), (4, 4), (5, 5), (8, 8)],
    ),
}


@pytest.mark.training
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("topology", MIXED)
def test_export_and_score_see_the_width_of_each_layer(
    lively: Callable, tmp_path: Path, topology: str, per_channel: bool
):
    sizes, weights, activations, widths = MIXED[topology]
    parameters = {
        **sizes,
        "weight_bits": weights,
        "activation_bits": activations,
        "per_channel_scales": per_channel,
    }
    data = TrainingData("synthetic", "none: random weights", "0" * 64)
    network = lively(topology, parameters)
    save_checkpoint(tmp_path / "c.pth", TrainedNetwork(network, topology, parameters, data))
    score = score_model(export(tmp_path / "c.pth", tmp_path))  # compares every logit of the golden frames
    assert [(layer.input_bits, layer.weight_bits) for layer in score.layers] == widths
    for layer in score.layers:
        assert layer.bit_ops == pytest.approx(layer.macs * layer.input_bits * layer.weight_bits)
    layers = [m for m in network.modules() if hasattr(m, "weight_quant")]
    outputs = [m.quant_weight().scale.numel() for m in layers]
    assert outputs == [m.weight.shape[0] if per_channel else 1 for m in layers[:-1]] + [1]


LAYERS = {"aaronnet": (19, 10), "amc_team": (10, 9), "bacalhaunet": (11, 10), "imperial_ipc": (11, 12),
          "polyphase": (6, 5), "vgg10": (10, 9)}  # fmt: skip


@pytest.mark.parametrize("topology", LAYERS)
def test_widths_are_one_for_all_layers_or_one_for_each(topology: str):
    weights, activations = LAYERS[topology]
    widths = {
        "weight_bits": [2 + n % 7 for n in range(weights)],
        "activation_bits": [2 + n % 7 for n in range(activations)],
    }
    network = create(topology, widths)
    found = [int(m.quant_weight().bit_width) for m in network.modules() if hasattr(m, "weight_quant")]
    assert sorted(found) == sorted(widths["weight_bits"])
    for name, layers in (("weight_bits", weights), ("activation_bits", activations)):
        with pytest.raises(
            RadioMLError, match=f"{name} has 3 entries; this network takes one for all layers, or {layers}"
        ):
            create(topology, {name: [4, 4, 4]})
        for width in (0, 1, 9, -3):
            with pytest.raises(RadioMLError, match=f"{name} is {width}; .* takes 2 to 8 bits"):
                create(topology, {name: width})
    with pytest.raises(RadioMLError, match=r"weight_bits of layer 2 is 1; .* takes 2 to 8 bits"):
        create(topology, {"weight_bits": [4, 1, *[4] * (weights - 2)]})


NUMBER, NUMBERS = "a whole number from 1 to 4096", "a list of whole numbers from 1 to 4096"


@pytest.mark.parametrize(
    ("topology", "parameter", "value", "expected"),
    [
        ("polyphase", "phases", 0, NUMBER),
        ("polyphase", "phases", -8, NUMBER),
        ("polyphase", "phases", True, NUMBER),
        ("polyphase", "kernels", [-3, 3, 3, 3, 3], NUMBERS),
        ("polyphase", "strides", [0, 2, 2, 2, 2], NUMBERS),
        ("polyphase", "channels", [0, 8, 8, 8, 8], NUMBERS),
        ("polyphase", "channels", [], NUMBERS),
        ("polyphase", "channels", 8, NUMBERS),
        ("polyphase", "channels", [10**8] * 5, NUMBERS),
        ("polyphase", "weight_bits", 4.5, "a whole number from 2 to 8, or a list of whole numbers from 2 to 8"),
        ("polyphase", "weight_bits", "4", "a whole number from 2 to 8, or a list of whole numbers from 2 to 8"),
        ("polyphase", "per_channel_scales", 1, "true or false"),
        ("vgg10", "filters", 0, f"{NUMBER}, or {NUMBERS}"),
        ("bacalhaunet", "strides", [0], NUMBERS),
        ("imperial_ipc", "dense", None, NUMBER),
        ("aaronnet", "stem", 3.0, NUMBER),
    ],
)
def test_parameters_of_another_kind_or_size_are_refused(topology: str, parameter: str, value: object, expected: str):
    with pytest.raises(RadioMLError) as error:
        create(topology, {parameter: value})
    assert str(error.value) == f"topology {topology!r}: {parameter} = {value!r}: expected {expected}"
