"""The build's steps on the graph, one a file, and the order in which they and FINN's own turn QONNX into layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finn_build.boards import Board
from finn_build.engine.step import Step
from finn_build.steps.affine_layers import cancel_scales, move_affine_maps
from finn_build.steps.biases import give_biases_to_norms
from finn_build.steps.cut_host_ends import cut_host_ends
from finn_build.steps.cut_input import cut_input
from finn_build.steps.cut_statistics import cut_statistics, statistics_as_layer
from finn_build.steps.exact_thresholds import exact_thresholds
from finn_build.steps.fuse_activations import fuse_activations
from finn_build.steps.pools import pools_as_sums, sums_of_pixels
from finn_build.steps.prefer_rtl import prefer_rtl
from finn_build.steps.raise_to_2d import mend_layouts, raise_to_2d
from finn_build.steps.residual_sums import fuse_factors, move_scales_past_sums, move_transposes_past_sums, narrow_sums
from finn_build.steps.signed_weights import sign_weights
from finn_build.steps.split_sums import split_sums
from finn_build.steps.stream_products import stream_products
from finn_build.steps.wide_thresholds import with_thresholds_kept
from radioml.contract.metadata import ModelMetadata

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


@dataclass(frozen=True)
class Context:
    """What a step may look at beside the graph.

    network, metadata: the QONNX network that the build began with, and its metadata.
    work: folder of the FINN session.
    """

    network: ModelWrapper
    metadata: ModelMetadata
    board: Board
    work: Path

    @cached_property
    def finn(self) -> Any:
        """The configuration of FINN's own steps, a DataflowBuildConfig."""
        from finn.builder.build_dataflow_config import DataflowBuildConfig

        return DataflowBuildConfig(
            output_dir=str(self.work),
            fpga_part=self.board.part,
            synth_clk_period_ns=self.board.clock_period_ns,
            standalone_thresholds=True,  # the RTL multiplier has no activation built in
            generate_outputs=[],
        )


@dataclass(frozen=True)
class GraphStep(Step):
    """A step from one graph to the next, in a FINN session.

    apply: gives the new graph; it may change the old one.
    """

    in_finn: bool = True
    apply: Callable[[ModelWrapper, Context], ModelWrapper] = field(kw_only=True)


def _of_finn(name: str) -> Callable[[ModelWrapper, Context], ModelWrapper]:
    """A step of FINN's own, by the name of its function."""

    def apply(model: ModelWrapper, context: Context) -> ModelWrapper:
        from finn.builder import build_dataflow_steps

        return getattr(build_dataflow_steps, name)(model, context.finn)

    return apply


def _choose_rtl(model: ModelWrapper, context: Context) -> ModelWrapper:
    return _of_finn("step_specialize_layers")(prefer_rtl(model), context)


def _streamline(model: ModelWrapper, context: Context) -> ModelWrapper:
    return mend_layouts(_of_finn("step_streamline")(model, context))


def _map_to_layers(model: ModelWrapper, context: Context) -> ModelWrapper:
    return sums_of_pixels(fuse_factors(_of_finn("step_convert_to_hw")(statistics_as_layer(model), context)))


def _minimise_bit_widths(model: ModelWrapper, context: Context) -> ModelWrapper:
    return sign_weights(_of_finn("step_minimize_bit_width")(model, context))


CONVERT = GraphStep("convert_from_qonnx", "convert from QONNX", apply=_of_finn("step_qonnx_to_finn"))
"""Writes scales and batch norms as thresholds in single precision. `EXACT_THRESHOLDS` computes these again."""
EXACT_THRESHOLDS = GraphStep(
    "exact_thresholds", "make thresholds exact", apply=lambda model, at: exact_thresholds(model, at.network)
)
CUT_HOST_ENDS = GraphStep(
    "cut_host_ends", "cut the host's ends off", apply=lambda model, at: cut_host_ends(model, at.metadata.logit_scale)
)
"""Leaves the integers of the accelerator's own streams at both ends."""

GRAPH_STEPS: tuple[GraphStep, ...] = (
    GraphStep(
        "cut_input", "cut the input quantiser off", apply=lambda model, at: cut_input(model, at.metadata.quantiser)
    ),
    GraphStep(
        "cut_statistics", "make a layer of statistics", apply=lambda model, at: cut_statistics(model, at.network)
    ),
    GraphStep("affine_maps", "move batch norms behind layers", apply=lambda model, at: move_affine_maps(model)),
    GraphStep(
        "fuse_activations",
        "turn functions of integers into thresholds and tables",
        apply=lambda model, at: fuse_activations(model, at.network),
    ),
    GraphStep(
        "stream_products",
        "make layers of products",
        apply=lambda model, at: stream_products(model, at.network),
    ),
    GraphStep("biases", "give biases to batch norms", apply=lambda model, at: give_biases_to_norms(model)),
    GraphStep("pools_as_sums", "turn average pools into sums", apply=lambda model, at: pools_as_sums(model)),
    GraphStep("split_sums", "push sums of unequal scales behind layers", apply=lambda model, at: split_sums(model)),
    CONVERT,
    GraphStep("tidy_up", "tidy up", apply=_of_finn("step_tidy_up")),
    GraphStep("raise_to_2d", "raise 1-D layers to 2-D", apply=lambda model, at: raise_to_2d(model)),
    GraphStep(
        "scales_past_sums", "move scales past sums", apply=lambda model, at: move_scales_past_sums(cancel_scales(model))
    ),
    GraphStep("streamline", "streamline scales into thresholds", apply=_streamline),
    GraphStep(
        "transposes_past_sums", "move transposes past sums", apply=lambda model, at: move_transposes_past_sums(model)
    ),
    EXACT_THRESHOLDS,
    CUT_HOST_ENDS,
    GraphStep("hardware_layers", "map to hardware layers", apply=with_thresholds_kept(_map_to_layers)),
    GraphStep("narrow_sums", "narrow sums", apply=lambda model, at: narrow_sums(model)),
    GraphStep("partition", "partition", apply=with_thresholds_kept(_of_finn("step_create_dataflow_partition"))),
    GraphStep("choose_rtl", "choose RTL or HLS", depends_on_board=True, apply=with_thresholds_kept(_choose_rtl)),
    GraphStep(
        "bit_widths",
        "minimise bit widths",
        depends_on_board=True,
        apply=with_thresholds_kept(_minimise_bit_widths),
    ),
)
"""The steps from the QONNX network to FINN layers that are not folded yet. Those that depend on the board come last.

Bit widths are independent of the folding and minimised before it, so that a folding takes a tenth of a second.
"""


def apply_steps(model: ModelWrapper, context: Context, steps: Iterable[GraphStep] = GRAPH_STEPS) -> ModelWrapper:
    """The graph after these steps; for a FINN session."""
    for step in steps:
        model = step.apply(model, context)
    return model
