"""The challenge's entries: exports agree with Brevitas, and costs are those of the published topologies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

import radioml.cli.commands.models  # noqa: F401  (registers the commands)
from radioml.contract.score import Score
from radioml.contract.training_data import TrainingData
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from training.cost.score import score_model
from training.experiments.experiment import load_experiment
from training.models import create, topologies, topology
from training.models.cost import unpruned_score
from training.models.moments import Moments
from training.trained.checkpoint import TrainedNetwork, save_checkpoint
from training.trained.export import export

pytestmark = pytest.mark.training

ENTRIES = ["aaronnet", "amc_team", "bacalhaunet", "imperial_ipc", "vgg10_w4a4"]


def _entry(name: str) -> tuple[nn.Module, str, dict]:
    experiment = load_experiment(name)
    return create(experiment.topology, experiment.parameters), experiment.topology, experiment.parameters


@pytest.fixture(scope="module")
def scores() -> dict[str, Score]:
    return {name: unpruned_score(_entry(name)[0]) for name in ENTRIES}


@pytest.mark.parametrize("name", ENTRIES)
def test_the_export_of_every_entry_agrees_with_brevitas(
    name: str, scores: dict[str, Score], lively: Callable[..., nn.Module], tmp_path: Path
):
    _, topology_name, parameters = _entry(name)
    network = lively(topology_name, parameters)
    data = TrainingData("synthetic", "none: random weights", "0" * 64)
    checkpoint = tmp_path / "checkpoint.pth"
    save_checkpoint(checkpoint, TrainedNetwork(network, topology_name, parameters, data))
    model = export(checkpoint, tmp_path / "train")  # compares every logit of every golden frame
    with np.load(tmp_path / "train" / "golden.npz", allow_pickle=False) as golden:
        assert len(np.unique(golden["logits"], axis=0)) > 20, "the frames must not all look alike to the network"
    score = score_model(model)
    assert not score.unsupported
    assert 0.5 * scores[name].score < score.score <= scores[name].score
    constants = {t.name: numpy_helper.to_array(t) for t in onnx.load(model).graph.initializer}
    zero_points = [constants[n.input[2]] for n in onnx.load(model).graph.node if n.op_type == "Quant"]
    assert zero_points and not any(z.any() for z in zero_points)


@dataclass(frozen=True)
class Report:
    """Figures of the official function of 2021 for a published model; zero weights are discounted, outputs are not."""

    outputs: int
    macs: dict[tuple[int, int], int]
    weights: dict[int, int]
    bit_ops: int
    bit_mem: int


REPORTS = {
    "bacalhaunet": Report(93_208, {(32, 6): 46_976, (8, 6): 18_973, (6, 6): 258_688}, {6: 1_784}, 19_242_864, 10_704),
    "amc_team": Report(130_328, {(4, 4): 198_656 + 1_328_630}, {4: 17_018}, 24_436_576, 68_072),
    # AaronNet32, trained and not pruned
    "aaronnet": Report(49_275, {(32, 6): 47_548, (6, 6): 406_060 + 557_462}, {6: 12_491}, 43_816_008, 74_946),
    # 5,095 of the multiplications by 5-bit weights had 32-bit inputs: the layer behind the concatenation
    "imperial_ipc": Report(
        32_824,
        {(32, 5): 5_095, (5, 5): 44_790 + 733_884, (4, 5): 26_649, (5, 4): 13_488},
        {4: 3_372, 5: 45_899},
        21_084_790,
        242_983,
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_published_report_is_copied_right(name: str):
    report = REPORTS[name]
    assert sum(macs * i * w for (i, w), macs in report.macs.items()) == report.bit_ops
    assert sum(weights * bits for bits, weights in report.weights.items()) == report.bit_mem


def _outputs(network: nn.Module) -> int:
    """Number of outputs of all convolutions and dense layers."""
    counts = []
    for layer in network.eval().modules():
        if isinstance(layer, (qnn.QuantConv1d, qnn.QuantLinear)):
            layer.register_forward_hook(lambda _module, _inputs, output: counts.append(output.numel()))
    network(torch.zeros(1, 2, 1024))
    return sum(counts)


@pytest.mark.parametrize("name", REPORTS)
def test_layers_are_those_of_the_published_report(name: str, scores: dict[str, Score]):
    report, score = REPORTS[name], scores[name]
    assert _outputs(_entry(name)[0]) == report.outputs
    macs, weights = Counter(), Counter()
    for layer in score.layers:
        macs[layer.input_bits, layer.weight_bits] += layer.macs
        weights[layer.weight_bits] += layer.bit_mem / layer.weight_bits
    published = Counter(report.macs)
    if name == "imperial_ipc":  # today's official function sees 5 bits behind a concatenation of 5 bits
        published[5, 5] += published.pop((32, 5))
    assert set(macs) == set(published) and set(weights) == set(report.weights)
    assert all(macs[bits] > published[bits] for bits in macs), "pruning cannot add multiplications"
    assert all(weights[bits] > report.weights[bits] for bits in weights)
    if name == "aaronnet":
        assert all(macs[bits] < 1.12 * published[bits] for bits in macs), "only what quantisation rounded to zero lacks"


def test_the_wider_aaronnet_has_the_published_outputs():
    assert _outputs(create("aaronnet", {"stem": 48, "blocks": [48] * 5})) == 72_504


def _vgg10(filters: int, input_bits: int, bits: int) -> list[tuple[int, int, int, int]]:
    convolutions = [(3 * 2 * filters, 1024, input_bits, bits)]
    convolutions += [(3 * filters**2, 1024 >> n, bits, bits) for n in range(1, 7)]
    return [*convolutions, *((w, 1, bits, bits) for w in (8 * filters * 128, 128 * 128, 128 * 24))]


# (weights, positions they are used at, input bits, weight bits) of every layer, by hand
LAYERS = {
    "vgg10_w4a4": _vgg10(32, 8, 4),
    "amc_team": _vgg10(64, 4, 4),
    "bacalhaunet": [
        (2 * 27, 512, 8, 6), (2 * 24, 512, 6, 6), (24 * 21, 512, 6, 6), (24 * 24, 512, 6, 6),
        (24 * 15, 256, 32, 6), (24 * 48, 256, 6, 6), (48 * 9, 256, 6, 6), (48 * 48, 256, 6, 6),
        (48 * 9, 128, 32, 6), (48 * 48, 128, 6, 6), (48 * 24, 1, 8, 6),
    ],
    "aaronnet": [
        *((2 * 11 * kernel, 257, 6, 6) for kernel in (32, 26, 18)), *[(11 * 11, 257, 6, 6)] * 3,
        *((3 * c, n, 32, 6) for c, n in zip((33, 32, 32, 32, 32), (257, 128, 64, 32, 16), strict=True)),
        *((a * b, n, 6, 6) for (a, b), n in
          zip(pairwise((33, 32, 32, 32, 32, 40)), (257, 128, 64, 32, 16), strict=True)),
        (40 * 48, 1, 32, 6), (48 * 48, 1, 6, 6), (48 * 24, 1, 6, 6),
    ],
    "imperial_ipc": [
        (2 * 64 * 3, 256, 5, 5), *((64 * 64 * 3, n, 5, 5) for n in (128, 64, 32, 16, 8)), (64 * 64 * 3, 4, 5, 4),
        (256 * 128, 1, 4, 5), (23 * 32, 1, 5, 5), (160 * 128, 1, 5, 5), (128 * 24, 1, 5, 5),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ENTRIES)
def test_the_unpruned_cost_follows_from_the_topology(name: str, scores: dict[str, Score]):
    score = scores[name]
    assert score.bit_ops == sum(w * n * a * b for w, n, a, b in LAYERS[name])
    assert score.bit_mem == sum(w * b for w, _, _, b in LAYERS[name])
    assert not score.unsupported


def test_the_unpruned_baseline_is_the_published_cost_with_its_zeros():
    score = unpruned_score(create("vgg10", {}))
    layers = _vgg10(64, 8, 8)
    assert score.bit_ops == sum(w * n * 64 for w, n, _, _ in layers) > 807_699_904
    assert score.bit_mem == sum(w * 8 for w, _, _, _ in layers) > 1_244_936


def test_the_unpruned_score_leaves_the_network_as_it_is():
    network = create("polyphase", {})
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert unpruned_score(network).score > 0
    assert network.training and all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_moments_and_cumulants_are_those_of_complex_samples():
    frames = generate_spread(24, 5).iq.astype(np.float64) / 2
    found = Moments().double()(torch.from_numpy(frames).permute(0, 2, 1)).numpy()
    centred = frames - frames.mean(1, keepdims=True)
    expected = [frames.mean(1), *((centred**power).mean(1) for power in (2, 3, 4))]
    x = frames[..., 0] + 1j * frames[..., 1]
    m = {10 * p + q: (x ** (p - q) * x.conj() ** q).mean(1) for p in (2, 4, 6) for q in range(4) if q <= p}
    parts = [
        m[20],
        m[40] - 3 * m[20] ** 2,
        m[41] - 3 * m[20] * m[21],
        m[60] - 15 * m[20] * m[40] + 30 * m[20] ** 3,
        m[61] - 5 * m[21] * m[40] - 10 * m[20] * m[41] + 30 * m[20] ** 2 * m[21],
        m[62] - 6 * m[20] * m[42] - 8 * m[21] * m[41] - m[22] * m[40] + 6 * m[20] ** 2 * m[22]
        + 24 * m[21] ** 2 * m[20],
    ]  # fmt: skip
    c42 = m[42] - abs(m[20]) ** 2 - 2 * m[21] ** 2
    c63 = m[63] - 9 * m[21] * m[42] + 12 * m[21] ** 3 - 3 * m[20] * m[43] - 3 * m[22] * m[41]
    c63 += 18 * m[20] * m[21] * m[22]
    expected += [part[:, None] for p in parts for part in (p.real, p.imag)]
    expected += [p.real[:, None] for p in (m[21], c42, c63)]
    assert found.shape == (24, Moments.features)
    assert np.array_equal(found, np.rint(found * 1024) / 1024)
    within = (abs(x) ** 6).mean(1) < 2
    assert within.sum() > 16
    exact = np.concatenate(expected, 1)[within]
    np.testing.assert_allclose(found[within], exact, rtol=0, atol=1 / 16, err_msg="a step of the quantiser behind")


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("bacalhaunet", {"kernels": [27, 21]}, "one entry for each block"),
        ("bacalhaunet", {"kernels": [27, 20, 15, 9, 9]}, r"kernels = \[27, 20, 15, 9, 9\]: expected odd numbers"),
        ("polyphase", {"kernels": [3, 3]}, "one entry for each convolution"),
        ("polyphase", {"kernels": [5, 5, 4, 3, 3]}, r"kernels = \[5, 5, 4, 3, 3\]: expected odd numbers"),
        ("aaronnet", {"stem": 32}, "not a multiple of its 3 branches"),
        ("amc_team", {"widht": 32}, "widht"),
    ],
)
def test_impossible_parameters_are_refused(name: str, parameters: dict, message: str):
    with pytest.raises(RadioMLError, match=message):
        create(name, parameters)


@pytest.mark.parametrize("name", topologies())
def test_what_was_published_belongs_to_a_shipped_experiment(name: str):
    entry = topology(name)
    assert entry.source
    for experiment, published in entry.published.items():
        assert load_experiment(experiment).topology == name
        assert 0.5 < published.accuracy < 0.65
        assert published.score is None or 0 < published.score <= 1


@pytest.mark.parametrize(
    ("name", "branches"),
    [
        ("bacalhaunet", ("blocks.0.layers.5", "blocks.1.layers.5")),
        ("imperial_ipc", ("signal.26", "statistics.4")),
    ],
)
@pytest.mark.parametrize("shared", [False, True])
def test_branches_share_a_quantiser_where_that_is_asked_for(name: str, branches: tuple[str, str], shared: bool):
    network = create(name, {"shared_quantiser": True} if shared else {})
    first, second = (network.get_submodule(branch) for branch in branches)
    (parameter,) = first.act_quant.parameters()
    with torch.no_grad():
        parameter += 1
    assert bool(first.act_quant.scale() == second.act_quant.scale()) is shared


def test_a_shared_quantiser_needs_one_width():
    with pytest.raises(RadioMLError, match="the branches have 6 and 4 bits; give both one width"):
        create("bacalhaunet", {"shared_quantiser": True, "activation_bits": [6, 6, 6, 4, 6, 6, 6, 6, 6, 6]})
