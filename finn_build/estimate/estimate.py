"""FINN's analytical estimates of a folded network, with our corrections, compared with a board's resources."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from finn_build.estimate.corrections import NOT_COUNTED, corrections
from finn_build.estimate.small_luts import OF_LAYERS, caveats, luts_of
from finn_build.folding.align_stream_widths import slow_converters
from finn_build.folding.parallelism import attributes_of
from finn_build.rtl_layers import own
from radioml.contract.estimate import RESOURCES, Estimate, LayerEstimate

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper

    from finn_build.boards import Board

CAVEATS = (
    "LUT and DSP are FINN's estimates, +LUT and +DSP our corrections (finn_build/estimate/corrections.py); "
    "the total has both",
    f"not counted: {NOT_COUNTED}",
    "the latency is an upper bound: the sum of all layers' cycles, though layers overlap",
)


def estimate(model: ModelWrapper, board: Board) -> Estimate:
    """The estimate of a folded network of FINN layers on a board; runs in a FINN session."""
    from finn.analysis.fpgadataflow.exp_cycles_per_layer import exp_cycles_per_layer
    from finn.analysis.fpgadataflow.res_estimation import res_estimation
    from finn.util.basic import getHWCustomOp

    cycles = model.analysis(exp_cycles_per_layer)
    resources = model.analysis(partial(res_estimation, fpgapart=board.part))
    corrected = corrections(model, board)
    layers = []
    sources = {tensor: node.name for node in model.graph.node for tensor in node.output}
    for node in model.graph.node:
        operator = getHWCustomOp(node)
        folding = {name: operator.get_nodeattr(name) for name in attributes_of(operator) if name in ("PE", "SIMD")}
        finn = {name: int(resources[node.name][name]) for name in RESOURCES}
        correction = {name: corrected[node.name].get(name, 0) for name in RESOURCES}
        correction["LUT"] = luts_of(board, finn["LUT"] + correction["LUT"], OF_LAYERS) - finn["LUT"]
        inputs = tuple(sources[tensor] for tensor in node.input if tensor in sources)
        layers.append(LayerEstimate(node.name, inputs, int(cycles[node.name]), folding, finn, correction))
    slowest = max(layers, key=lambda layer: layer.cycles)
    latency = sum(layer.cycles for layer in layers)
    finn = {name: sum(layer.finn[name] for layer in layers) for name in RESOURCES}
    correction = {name: sum(layer.correction[name] for layer in layers) for name in RESOURCES}
    total = {name: finn[name] + correction[name] for name in RESOURCES}
    available = {name: board.usable[name] for name in RESOURCES}
    return Estimate(
        kind="estimated",
        caveats=(
            *CAVEATS,
            *caveats(board),
            *(
                caveat
                for node in model.graph.node
                if (layer := own(getHWCustomOp(node))) and (caveat := layer.caveat())
            ),
            *(f"slower than estimated: {stream}" for stream in slow_converters(model)),
        ),
        board=board.name,
        part=board.part,
        clock_mhz=board.clock_mhz,
        cycles_per_frame=slowest.cycles,
        slowest_layer=slowest.name,
        frames_per_second=board.clock_mhz * 1e6 / slowest.cycles,
        latency_cycles_at_most=latency,
        latency_us_at_most=latency / board.clock_mhz,
        layers=tuple(layers),
        finn=finn,
        correction=correction,
        total=total,
        available=available,
        fits=all(total[name] <= available[name] for name in RESOURCES),
    )
