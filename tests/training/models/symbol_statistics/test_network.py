"""The network on statistics: compaction, and the score that a weight saves."""

from __future__ import annotations

import pytest
import torch

from training.models import create
from training.models.symbol_statistics import SymbolStatistics

pytestmark = pytest.mark.training

PARAMETERS = {
    "phase_statistics": ["h0.0", "h0.8", "b1.0", "w1.2", "p"],
    "whole_statistics": ["dc", "x.p", "t+.d", "T-.px16", "max.z4", "mean.z8_32", "min.h0.8", "mean.b1.0"],
    "phase_units": 5,
    "whole_units": 4,
}


def pruned_network() -> SymbolStatistics:
    """With moved batch norms and some weights gone, all those of a unit and of a statistic among them."""
    torch.manual_seed(3)
    network = create("symbol_statistics", PARAMETERS)
    assert isinstance(network, SymbolStatistics)
    for _ in range(10):
        network(torch.randint(-128, 128, (16, 2, 1024)) / 64)
    head = network.head
    with torch.no_grad():
        head.phase_norm.bias.uniform_(0, 2)
        head.whole_norm.bias.uniform_(0, 2)
        for layer in (head.phase, head.whole, head.output):
            layer.weight[torch.rand(layer.weight.shape) < 0.4] = 0
        head.phase.weight[1] = 0
        head.phase.weight[:, 2] = 0
        head.output.weight[:, 6] = 0
        head.whole.weight[:, 3] = 0
        head.output.weight[:, 9 + 3] = 0
    return network.eval()


def test_a_network_without_what_no_weight_needs_gives_the_same_logits():
    network = pruned_network()
    smaller, parameters = network.without_unused(PARAMETERS)
    assert parameters["phase_units"] == 5 and parameters["whole_units"] == 3, "one unit without an output"
    assert "h0.8" not in parameters["phase_statistics"] and "T-.px16" not in parameters["whole_statistics"]
    frames = torch.randint(-128, 128, (64, 2, 1024)) / 64
    logits = network(frames)
    assert torch.equal(smaller(frames), logits) and logits.std() > 0.01
    again = create("symbol_statistics", parameters)
    again.load_state_dict(smaller.state_dict())
    assert torch.equal(again.eval()(frames), logits)


def test_the_last_weight_on_a_fixed_sum_saves_the_sum():
    network = pruned_network()
    masks = {f"head.{n}.weight": getattr(network.head, n).weight != 0 for n in ("phase", "whole", "output")}
    name, tone = "head.output.weight", 9 + network.front_end.whole.index("t+.d")
    masks["head.whole.weight"][:, tone - 9] = False
    masks[name][:, tone] = False
    masks[name][:3, tone] = True
    shared = network.saved_scores(masks)[name][0, tone]
    masks[name][1:, tone] = False
    alone = network.saved_scores(masks)[name][0, tone]
    assert alone > shared > network.saved_scores(masks)[name][0, 0]
