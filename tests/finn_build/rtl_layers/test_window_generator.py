"""Cycles of FINN's input generator for depthwise windows that do not overlap, against its RTL."""

from __future__ import annotations

import pytest
from finn.util.basic import getHWCustomOp
from onnx import helper

from finn_build.rtl_layers import register


def generator(kernel: int, stride: int, channels: int, simd: int, pixels: int, **attributes: int):
    register()
    node = helper.make_node(
        "ConvolutionInputGenerator_rtl", ["in"], ["out"], domain="finn.custom_op.fpgadataflow.rtl",
        ConvKernelDim=[kernel, 1], Stride=[stride, 1], IFMChannels=channels, SIMD=simd, IFMDim=[pixels, 1],
        OFMDim=[(pixels - kernel) // stride + 1, 1], Dilation=[1, 1], inputDataType="UINT6", outputDataType="UINT6",
        **{"depthwise": 1, "parallel_window": 0, "is1D": 1, **attributes},
    )  # fmt: skip
    return getHWCustomOp(node)


@pytest.mark.parametrize(
    ("shape", "cycles"),
    [
        ((8, 8, 48, 1, 128), 10615),
        ((8, 8, 48, 4, 128), 2515),
        ((4, 4, 12, 1, 64), 1103),
        ((4, 4, 12, 3, 64), 327),
        ((3, 3, 8, 1, 33), 340),
    ],
)
def test_windows_side_by_side_take_what_the_rtl_takes(shape, cycles):
    """Cycles from frame to frame of FINN 1.6.1's RTL in Verilator: a word always offered, a result always taken."""
    operator = generator(*shape)
    assert operator.get_exp_cycles() == cycles
    assert super(type(operator), operator).get_exp_cycles() < cycles, "FINN's formula"


@pytest.mark.parametrize(
    "changed", [{"depthwise": 0}, {"parallel_window": 1}, {"stride": 4}, {"kernel": 2, "stride": 2}], ids=str
)
def test_other_generators_have_finns_formula(changed):
    shape = {"kernel": 8, "stride": 8, "channels": 12, "simd": 12 if "parallel_window" in changed else 3, "pixels": 64}
    operator = generator(**(shape | changed))
    assert operator.get_exp_cycles() == super(type(operator), operator).get_exp_cycles()
