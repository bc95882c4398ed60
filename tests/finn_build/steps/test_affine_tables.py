"""Thresholds of layers behind batch norms without a quantiser, against their definition in rational numbers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
from onnx import helper

from finn_build.steps.activations import Activation
from finn_build.steps.affine_maps import AffineMap, Behind
from finn_build.steps.affine_tables import SUM_BITS, Norm, dense_levels, depthwise_levels

STEPS, SCALE = np.arange(1, 8), 0.375
LOW, HIGH = -3, 4
"""Bounds of the integers in front."""
CHANNELS = 4
RANDOM = np.random.default_rng(3)
SLOPE = np.array([0.7, 1.3, 0.0, 0.25])  # a channel without slope
OFFSET = np.array([0.4, -2.1, 1.7, 0.0])
NORM = Norm(np.array([0.9, -0.6, -1.1, 1.0]), np.array([0.3, -0.2, 0.1, 0.0]), np.array([0.5, 0.1, -0.4, 0.0]))


def behind(weights: np.ndarray, depthwise: bool, **attributes: object) -> Behind:
    layer = helper.make_node("Conv" if depthwise else "MatMul", ["x", "w"], ["y"], **attributes)
    quant = helper.make_node("Quant", ["y"], ["z"])
    bounds = (np.full(CHANNELS, bound) for bound in (LOW, HIGH))
    source = AffineMap((), SLOPE, OFFSET, *bounds)
    scale = np.full(len(weights), 0.5)
    return Behind(Activation(quant, "y", layer), source, weights, scale, np.zeros(len(weights)), depthwise)


def level(value: Fraction, channel: int) -> int:
    """What batch norm, ReLU and quantiser make of a layer's output; Brevitas rounds half to even, as Python does."""
    slope, mean, beta = (Fraction(float(given[channel])) for given in (NORM.slope, NORM.mean, NORM.beta))
    return min(round(max(slope * (value - mean) + beta, Fraction(0)) / Fraction(SCALE)), len(STEPS))


def number(channel: int, integer: int) -> Fraction:
    return Fraction(float(SLOPE[channel])) * integer + Fraction(float(OFFSET[channel]))


KERNELS = np.array([[3, -2, 1], [-1, 4, 2], [2, 2, -5], [1, 0, 2]])  # the last channel's sums meet ties
PADS = {"pads": [1, 1], "strides": [1]}


@cache
def defined(channel: int, window: tuple[int | None, ...]) -> tuple[int, int]:
    """Sum of a window's integers and its level by the definition; None: a tap outside of the frame."""
    taps = [(int(weight), x) for weight, x in zip(KERNELS[channel], window, strict=True) if x is not None]
    value = sum((weight * number(channel, x) for weight, x in taps), Fraction(0))
    return sum(weight * x for weight, x in taps), level(value * Fraction(0.5), channel)


def differing(layer: Behind, pixels: int, table: np.ndarray, sets: np.ndarray) -> int:
    """Windows whose level by the table is not that of the definition."""
    given = {attribute.name: attribute.ints for attribute in layer.layer.attribute}
    wrong = 0
    for at, of in enumerate(sets):
        taps = [at * given["strides"][0] - given["pads"][0] + tap for tap in range(3)]
        inside = [0 <= tap < pixels for tap in taps]
        for channel, window in product(range(CHANNELS), product(range(LOW, HIGH + 1), repeat=3)):
            read = tuple(x if ok else None for x, ok in zip(window, inside, strict=True))
            total, expected = defined(channel, read)
            wrong += int((total * NORM.sign[channel] >= table[of, channel]).sum()) != expected
    return wrong


@pytest.mark.parametrize(
    ("pixels", "given", "ends"),
    [
        (5, PADS, (1, 1)),
        (6, {"pads": [2, 1], "strides": [2]}, (1, 1)),
        (1, PADS, (1, 0)),
        (4, {"pads": [0, 0], "strides": [1]}, (0, 0)),
    ],
)
def test_each_window_has_the_level_of_the_definition(pixels, given, ends):
    layer = behind(KERNELS, True, dilations=[1], **given)
    found = depthwise_levels(layer, NORM, STEPS, SCALE, pixels)
    windows = (pixels + sum(given["pads"]) - 3) // given["strides"][0] + 1
    first, last = found.first, found.last
    assert (first, last) == ends
    inner = windows - first - last
    sets = np.concatenate([np.arange(first), np.full(inner, first), np.arange(last) + first + (inner > 0)])
    assert len(found.table) == sets.max() + 1
    assert (np.diff(found.table, axis=2) >= 0).all()
    assert differing(layer, pixels, found.table, sets) == 0
    if len(found.table) > 1:
        assert differing(layer, pixels, found.table, np.full(windows, len(found.table) - 1)) > 0, "one set for all"
    assert differing(layer, pixels, found.table + 1, sets) > 0, "one more"


WEIGHTS = np.array([[3, -2, 1, 5], [-1, 4, 2, 0], [2, 2, -5, -7]])


def test_each_dense_sum_has_the_level_of_the_definition_and_doubt_is_rare():
    layer = behind(WEIGHTS, False)
    norm = Norm(NORM.slope[:3], NORM.mean[:3], NORM.beta[:3])
    found = dense_levels(layer, norm, STEPS, SCALE)
    largest = max(-int(found.low.min()), int(found.high.max()))
    assert 2 ** (SUM_BITS - 4) < largest < 2 ** (SUM_BITS - 1)
    assert 0 < found.doubt < largest * 2.0**-40
    wrong = coarse = doubtful = 0
    rough = dense_levels(replace(layer, weights=np.rint(WEIGHTS * 1.1)), norm, STEPS, SCALE)
    for x in product(range(LOW, HIGH + 1), repeat=CHANNELS):
        for output, weights in enumerate(WEIGHTS):
            value = sum((int(w) * number(c, i) for c, (w, i) in enumerate(zip(weights, x, strict=True))), Fraction(0))
            total = sum(int(w) * i for w, i in zip(found.weights[output], x, strict=True))
            expected = level(value * Fraction(0.5), output)
            wrong += int((total >= found.table[0, output]).sum()) != expected
            coarse += int((total >= rough.table[0, output]).sum()) != expected
            doubtful += int((np.abs(found.table[0, output] - total) <= found.doubt).any())
    assert wrong <= doubtful == 0
    assert coarse > 0, "other weights"
