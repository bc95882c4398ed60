"""Exact ablation without training: losses of removals, what they leave alone, and which weights go."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.nn.functional import cross_entropy

from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from training.experiments.experiment import load_experiment
from training.models.cost import unpruned_score
from training.techniques.ablation import Ablation, cheapest, keep_by_ablation, keep_most_useful, removal_losses
from training.techniques.ablation_callback import saved_scores
from training.techniques.pruning_masks import apply, initial_masks

SMALL = {"channels": [4], "kernels": [3], "strides": [32]}


@pytest.fixture
def frames() -> tuple[torch.Tensor, torch.Tensor]:
    spread = generate_spread(48, 3)
    return torch.from_numpy(spread.iq).permute(0, 2, 1).contiguous(), torch.from_numpy(spread.class_index)


def test_a_removal_costs_what_the_loss_grows_by_and_the_network_stays(lively: Callable, frames: tuple):
    network = lively("polyphase", SMALL)
    masks = initial_masks(network, zeros=True)
    first = "features.0.weight"
    masks[first][:, 1:] = False  # all else would take long
    masks["classifier.weight"][:] = False
    masks["classifier.weight"][3, 2] = True
    apply(masks, network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    losses = removal_losses(network, masks, *frames)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not network.training
    network.train()
    with torch.no_grad():
        reference = cross_entropy(network(frames[0]), frames[1])
        network.get_parameter(first)[0, 0, 1] = 0
        without = cross_entropy(network(frames[0]), frames[1])
    assert float(losses[first][0, 0, 1]) == pytest.approx(float(without - reference), abs=1e-6)
    assert without != reference
    assert not losses[first][~masks[first]].any(), "a weight that is gone is not asked for"


def test_the_cheapest_for_the_score_that_it_saves_comes_first():
    masks = {"a": torch.tensor([[True, True, False]]), "b": torch.tensor([[True, True]])}
    losses = {"a": torch.tensor([[0.4, 0.3, 0.0]]), "b": torch.tensor([[0.2, -0.1]])}
    saved = {"a": torch.tensor([[4.0, 1.0, 1.0]]), "b": torch.tensor([[1.0, 1.0]])}
    places = [(name, place) for _, name, place in cheapest(masks, losses, saved)]
    assert places == [("b", (0, 1)), ("a", (0, 0)), ("b", (0, 0)), ("a", (0, 1))]


def test_of_two_weights_that_stand_in_for_each_other_one_stays():
    """No two of the losses compared are equal, so that rounding does not decide.

    Class 1 has inputs 1 and 2, which are the same. The larger a class's weight, the more its removal costs.
    """
    network = torch.nn.Linear(8, 24, bias=False)
    class_index = torch.arange(5)
    inputs = torch.eye(8)[[0, 1, 3, 4, 5]]
    inputs[1, 2] = 1
    with torch.no_grad():
        network.weight.zero_()
        for output, column, value in ((0, 0, 9), (1, 1, 9), (1, 2, 9), (2, 3, 1), (3, 4, 2), (4, 5, 3), (5, 7, 1)):
            network.weight[output, column] = value
    masks = {"weight": network.weight.detach() != 0}
    saved = {"weight": torch.ones(24, 8)}
    kept = keep_by_ablation(network, masks, saved, 4, inputs, class_index)["weight"]
    assert not kept[5].any() and kept[0, 0], "what costs nothing goes, what nothing replaces stays"
    assert int(kept[1].sum()) == 1
    assert kept[2:5].sum(1).tolist() == [0, 1, 1], "the next cheapest goes in place of the second twin"
    assert int(masks["weight"].sum()) == 7, "the masks of before are left as they are"


def test_the_estimate_is_the_weight_squared_times_the_curvature(lively: Callable):
    network = lively("polyphase", SMALL)
    masks = initial_masks(network, zeros=True)
    curvature = {name: torch.rand(mask.shape) for name, mask in masks.items()}
    kept = keep_most_useful(network, masks, curvature, 100)
    worth = torch.cat([(network.get_parameter(n).detach() ** 2 * curvature[n]).flatten() for n in masks])
    stays = torch.cat([mask.flatten() for mask in kept.values()])
    assert int(stays.sum()) == 100
    assert worth[stays].min() > worth[~stays].max()
    assert keep_most_useful(network, kept, curvature, 200) is kept


def test_a_weight_saves_its_part_of_its_layer(lively: Callable):
    network = lively("polyphase", SMALL)
    masks = initial_masks(network, zeros=True)
    total = sum(float(saved.double().sum()) for saved in saved_scores(network, masks).values())
    assert total == pytest.approx(unpruned_score(network).score, rel=1e-6)


def test_the_rounds_reach_the_target():
    settings = Ablation(kind="ablation", weights=215, search_weights=450, share=0.05)
    left, rounds = 450, 0
    while left > 215:
        left, rounds = max(215, round(left * 0.95)), rounds + 1
    assert settings.rounds() == rounds
    assert settings.sought(1, 9000) == 450
    assert settings.sought(0, 9000) == 9000


@pytest.mark.parametrize(
    ("pruning", "message"),
    [
        ({"weights": 500, "search_weights": 450}, "weights = 500 is more than search_weights = 450"),
        ({"weights": 200, "search_weights": 450, "search_epochs": 9}, "leaves none for ablation"),
        ({"weights": 200}, "search_weights: Field required"),
    ],
)
def test_impossible_settings_are_refused(pruning: dict, message: str):
    changes = [f"pruning.schedule.{key}={value}" for key, value in pruning.items()]
    with pytest.raises(RadioMLError, match=message):
        load_experiment(
            "polyphase", ["training.epochs=10", "pruning.method=ablation", "pruning.schedule.kind=ablation", *changes]
        )


def test_method_and_schedule_belong_together():
    with pytest.raises(RadioMLError, match="both ablation, or neither"):
        load_experiment(
            "polyphase", ["pruning={method: ablation, schedule: {kind: iterative, sparsity: 0.5, steps: 1}}"]
        )
