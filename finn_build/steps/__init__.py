"""The build's steps on the graph, one a file, and the order in which they and FINN's own turn QONNX into layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from finn_build.steps.cut_host_ends import cut_host_ends
from finn_build.steps.cut_input import cut_input
from finn_build.steps.exact_thresholds import exact_thresholds
from finn_build.steps.prefer_rtl import prefer_rtl
from finn_build.steps.raise_to_2d import raise_to_2d
from finn_build.steps.residual_sums import move_scales_past_sums, move_transposes_past_sums, narrow_sums

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board
    from radioml.contract.metadata import ModelMetadata

EXACT_STEP, HOST_CUT_STEP = "make thresholds exact", "cut the host's ends off"
BOARD_STEPS = ("choose RTL or HLS", "minimise bit widths")
"""The last steps, whose result may depend on the board. That of all before them does not."""
Step = Callable[["ModelWrapper"], "ModelWrapper"]


def graph_steps(network: ModelWrapper, metadata: ModelMetadata, board: Board, work: Path) -> list[tuple[str, Step]]:
    """Named steps from the QONNX `network` to FINN layers that are not folded yet; for a FINN session on `work`.

    Bit widths are minimised before folding, because they don't depend on it: a folding then costs a tenth of a second.
    """
    from finn.builder import build_dataflow_steps as finn
    from finn.builder.build_dataflow_config import DataflowBuildConfig

    config = DataflowBuildConfig(
        output_dir=str(work),
        fpga_part=board.part,
        synth_clk_period_ns=board.clock_period_ns,
        standalone_thresholds=True,  # the RTL multiplier has no activation built in
        generate_outputs=[],
    )

    def of_finn(step: Callable[[ModelWrapper, DataflowBuildConfig], ModelWrapper]) -> Step:
        return lambda model: step(model, config)

    return [
        ("cut the input quantiser off", lambda model: cut_input(model, metadata.quantiser)),
        ("convert from QONNX", of_finn(finn.step_qonnx_to_finn)),
        ("tidy up", of_finn(finn.step_tidy_up)),
        ("raise 1-D layers to 2-D", raise_to_2d),
        ("move scales past sums", move_scales_past_sums),
        ("streamline scales into thresholds", of_finn(finn.step_streamline)),
        ("move transposes past sums", move_transposes_past_sums),
        (EXACT_STEP, lambda model: exact_thresholds(model, network)),
        (HOST_CUT_STEP, lambda model: cut_host_ends(model, metadata.logit_scale)),
        ("map to hardware layers", of_finn(finn.step_convert_to_hw)),
        ("narrow sums", narrow_sums),
        ("partition", of_finn(finn.step_create_dataflow_partition)),
        (BOARD_STEPS[0], lambda model: finn.step_specialize_layers(prefer_rtl(model), config)),
        (BOARD_STEPS[1], of_finn(finn.step_minimize_bit_width)),
    ]
