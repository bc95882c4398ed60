"""VGG10 of The A(MC) Team, second in challenge ML5G-PS-007: the baseline at 4 bits throughout, made to be pruned.

Topology: https://github.com/JakobKrzyston/Feedback_Magnitude_Pruning, `train_and_evaluate.py` and `ITU_form.txt`: the
baseline's 64 filters and 128 dense units with weights, activations and input of 4 bits. The published cost is after
magnitude pruning in steps of 20 %, which left 17,018 of 159,104 weights; pruning is no part of the topology.
"""

from __future__ import annotations

from training.models.per_layer import Bits, PerLayer
from training.models.registry import Published, register
from training.models.vgg10 import VGG10


@register(
    "amc_team",
    source="https://github.com/JakobKrzyston/Feedback_Magnitude_Pruning",
    amc_team=Published(score=0.042467, accuracy=0.562543, remark="2nd place; pruned"),
)
class AMCTeam(VGG10):
    """VGG10 with 4-bit input; the parameters are those of `VGG10`.

    The input quantiser is InputQuantiser(4, 1/4): the range [-2, 2) in 16 steps.
    """

    def __init__(
        self,
        filters: PerLayer = 64,
        dense: PerLayer = 128,
        input_bits: int = 4,
        weight_bits: Bits = 4,
        activation_bits: Bits = 4,
        per_channel_scales: bool = False,
    ) -> None:
        super().__init__(filters, dense, input_bits, weight_bits, activation_bits, per_channel_scales)
