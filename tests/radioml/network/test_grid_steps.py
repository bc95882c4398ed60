"""Nodes on grids: the numbers of double precision, within the bounds that were proven, in a type that holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from radioml.network.exact_qonnx import ExactQonnx
from radioml.network.grid_steps import grid_step, quantiser_step
from radioml.network.grids import Grid, unit_of
from radioml.network.integer_qonnx import IntegerQonnx
from radioml.network.operators import exact_operators
from tests.networks import GENERAL, GraphWriter

SIGNED = Grid(1 / 64, -128, 127)
UNSIGNED = Grid(1 / 8, 0, 1000, unit=0.25)
WIDE = Grid(1.0, -(1 << 40), 1 << 40)
UNEVEN = Grid(0.3, -7, 7)


def values_of(grid: Grid, shape: tuple[int, ...] = (3, 2, 8, 8)) -> np.ndarray:
    """Random values of a grid, half of them its ends, in the type that the grid asks for."""
    random = np.random.default_rng(grid.high)
    integers = random.integers(grid.low, grid.high + 1, shape)
    ends = random.integers(0, 4, shape)
    integers = np.where(ends == 0, grid.low, np.where(ends == 1, grid.high, integers))
    assert grid.dtype is not None
    return (integers * grid.unit).astype(grid.dtype)


def check(operation: str, *operands: Grid | np.ndarray, **attributes: Any) -> Grid:
    """Hold the rule of a node against double precision; returns the grid of the result."""
    names = [f"i{index}" for index in range(len(operands))]
    node = helper.make_node(operation, names, ["y"], **attributes)
    found = grid_step(node, operands, squares=False)
    assert found is not None
    run, grid = found
    kept = [values_of(operand) for operand in operands if isinstance(operand, Grid)]
    grids = [operand for operand in operands if isinstance(operand, Grid)]
    numbers = iter([k.astype(np.float64) * g.scale for k, g in zip(kept, grids, strict=True)])
    fed = {n: next(numbers) if isinstance(o, Grid) else o for n, o in zip(names, operands, strict=True)}
    (expected,) = ReferenceEvaluator(node, new_ops=exact_operators()).run(None, fed)
    result = run(*kept)
    assert result.dtype == grid.dtype
    np.testing.assert_array_equal(result.astype(np.float64) * grid.scale, expected)
    integers = result.astype(np.float64) / grid.unit
    assert (integers == np.rint(integers)).all() and grid.low <= integers.min() and integers.max() <= grid.high
    return grid


@pytest.mark.parametrize(
    ("operation", "operands", "attributes"),
    [
        ("Mul", (SIGNED, np.array(4.0)), {}),
        ("Mul", (SIGNED, np.array(-1.0)), {}),
        ("Mul", (SIGNED, np.array([[[[1.5]], [[-0.25]]]])), {}),
        ("Mul", (SIGNED, np.zeros(8)), {}),
        ("Mul", (SIGNED, UNSIGNED), {}),
        ("Add", (SIGNED, np.array(1 / 4096)), {}),
        ("Sub", (UNSIGNED, np.array([3.0] * 7 + [-1000.0])), {}),
        ("Add", (SIGNED, UNSIGNED), {}),
        ("Sub", (SIGNED, UNSIGNED), {}),
        ("Add", (UNEVEN, UNEVEN), {}),
        ("Clip", (UNSIGNED, np.array(1 / 64), np.array(20.0)), {}),
        ("Clip", (SIGNED, np.array(-100.0), np.array(0.5)), {}),
        ("Clip", (SIGNED, np.array(-1.0)), {}),
        ("Relu", (SIGNED,), {}),
        ("AveragePool", (SIGNED,), {"kernel_shape": [8, 1], "strides": [8, 1]}),
        ("AveragePool", (UNSIGNED,), {"kernel_shape": [4, 2], "strides": [2, 2]}),
        ("AveragePool", (SIGNED,), {"kernel_shape": [1, 4], "pads": [0, 2, 0, 1], "count_include_pad": 1}),
        ("MaxPool", (UNSIGNED,), {"kernel_shape": [1, 8], "strides": [1, 8]}),
        ("Concat", (SIGNED, UNSIGNED), {"axis": 1}),
        ("Concat", (UNEVEN, UNEVEN), {"axis": 1}),
        ("Reshape", (SIGNED, np.array([-1, 1, 16, 8])), {}),
    ],
)
def test_rules_give_the_numbers_of_double_precision(operation: str, operands: tuple, attributes: dict):
    check(operation, *operands, **attributes)


def test_the_type_is_the_narrowest_that_holds_all_values():
    assert Grid(1.0, -(1 << 24), 1 << 24, 2.0**-20).dtype is np.float32
    assert Grid(1.0, 0, (1 << 24) + 1).dtype is Grid(1.0, -(1 << 24) - 1, 0).dtype is np.float64
    assert Grid(1.0, 0, 1 << 53).dtype is np.float64 and Grid(1.0, 0, (1 << 53) + 1).dtype is None
    assert Grid(1.0, 0, 1, 2.0**-120).dtype is None, "a power of it would leave the exponents of single precision"


@pytest.mark.parametrize(
    ("operation", "operands"),
    [
        ("Add", (Grid(1.0, 0, 1 << 24), np.array(1.0))),
        ("Add", (Grid(1.0, 0, 1 << 24), Grid(1.0, 0, 1))),
        ("Mul", (Grid(1.0, 0, (1 << 13) + 1), Grid(1.0, 0, (1 << 12) - 1))),
        ("Mul", (Grid(1.0, 0, (1 << 23) + 1), np.array(3.0))),
        ("Concat", (Grid(1.0, 0, 1 << 23), Grid(1 / 4, 0, 3))),
    ],
)
def test_a_value_too_large_for_single_precision_takes_the_wider_type(operation: str, operands: tuple):
    """The ends of the grids, which are among the values, have no result in single precision."""
    attributes = {"axis": 1} if operation == "Concat" else {}
    grid = check(operation, *operands, **attributes)
    assert grid.dtype is np.float64
    assert grid.high > 1 << 24


def test_a_constant_too_large_for_single_precision_takes_the_wider_type_on_the_way():
    near = Grid(1.0, (1 << 26) + 1, (1 << 26) + 5)
    grid = check("Sub", near, np.array((1 << 26) + 1.0))
    assert grid == Grid(1.0, 0, 4) and grid.dtype is np.float32


@pytest.mark.parametrize(
    ("operation", "operands"),
    [
        ("Mul", (WIDE, WIDE)),  # no type holds 2^80
        ("Add", (Grid(1.0, 0, 1 << 53), np.array(1.0))),
        ("Mul", (UNEVEN, np.array(3.0))),  # double precision rounds multiples of 0.3
        ("Sub", (UNEVEN, UNEVEN)),
        ("Concat", (UNEVEN, SIGNED)),
        ("AveragePool", (SIGNED,)),  # of 3: no power of two
        ("Sin", (SIGNED,)),
        ("Mul", (SIGNED, None)),  # of real numbers
        ("Clip", (SIGNED, np.array(-np.inf), np.array(1.0))),
        ("Concat", (SIGNED, np.zeros((3, 2, 8, 8)))),
    ],
)
def test_what_would_be_rounded_has_no_rule(operation: str, operands: tuple):
    attributes = {"Concat": {"axis": 1}, "AveragePool": {"kernel_shape": [3, 1], "strides": [3, 1]}}.get(operation, {})
    node = helper.make_node(operation, ["a", "b", "c"][: len(operands)], ["y"], **attributes)
    assert grid_step(node, operands, squares=False) is None


def quantiser(scale: float, bits: int, signed: int = 1, mode: str = "ROUND") -> tuple[onnx.NodeProto, dict]:
    node = helper.make_node("Quant", ["x", "s", "z", "b"], ["y"], GENERAL, signed=signed, narrow=0, rounding_mode=mode)
    constants = {name: np.array(value, np.float64) for name, value in (("s", scale), ("z", 0), ("b", bits))}
    node.domain = GENERAL
    return node, constants


@pytest.mark.parametrize("of", [SIGNED, UNSIGNED, WIDE, None])
@pytest.mark.parametrize(("scale", "bits", "signed"), [(1 / 32, 4, 1), (4.0, 8, 0), (1 / 64, 8, 1), (2.0**20, 24, 1)])
def test_quantisers_round_and_limit_as_in_double_precision(of: Grid | None, scale: float, bits: int, signed: int):
    node, constants = quantiser(scale, bits, signed)
    found = quantiser_step(node, of, constants)
    assert found is not None
    run, grid = found
    kept = values_of(of) if of else np.random.default_rng(1).normal(0, 30, 4000).astype(np.float32)
    numbers = kept.astype(np.float64) * (of.scale if of else 1)
    (expected,) = ReferenceEvaluator(node, new_ops=exact_operators()).run(None, {"x": numbers, **constants})
    result = run(kept)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result * scale, expected)
    assert grid.low <= result.min() and result.max() <= grid.high


def test_ties_of_a_quantiser_go_to_the_even_level():
    node, constants = quantiser(1 / 32, 8)
    found = quantiser_step(node, SIGNED, constants)
    assert found is not None
    assert found[0](np.array([-5, -3, -1, 1, 3, 5], np.float32)).tolist() == [-2, -2, 0, 0, 2, 2]


def test_quantisers_of_other_scales_and_roundings_have_no_rule():
    assert quantiser_step(*_with(quantiser(0.3, 8), SIGNED)) is None
    assert quantiser_step(*_with(quantiser(1 / 32, 8, mode="FLOOR"), SIGNED)) is None
    assert quantiser_step(*_with(quantiser(1 / 32, 8), UNEVEN)) is None


def _with(made: tuple[onnx.NodeProto, dict], of: Grid) -> tuple[onnx.NodeProto, Grid, dict]:
    return made[0], of, made[1]


def test_the_unit_of_numbers():
    assert unit_of(np.array([1.5, -4.0, 0.0])) == 0.5
    assert unit_of(np.array([96.0])) == 32
    assert unit_of(np.array([0.0])) == 1
    assert unit_of(np.array([0.1], np.float32)) == 2.0**-27


def test_a_network_of_squares_and_means_has_the_logits_of_double_precision():
    """One of its sums is above 2^24, another above 2^53; both are computed, each in its own way."""
    write = GraphWriter(2)
    start = write.quant(1 / 64, 8, signed=True)
    doubled = write.node("Mul", start, write.constant(2))
    square = write.node("Mul", doubled, start)
    fourth = write.node("Mul", square, square)
    eighth = write.node("Mul", fourth, write.node("Mul", fourth, write.constant(1.5)))
    powers = (start, square, fourth, eighth)
    parts = [write.node("AveragePool", power, kernel_shape=[512], strides=[512]) for power in powers]
    write.node("Concat", *parts, axis=2)
    write.node("Clip", write.tensor, "", write.constant(40))
    write.node("Sub", write.tensor, write.constant(1 / 2))
    write.quant(1 / 4, 8, signed=True)
    write.classifier(2 * 8)
    model = write.model()
    iq = np.random.default_rng(0).normal(size=(200, 1024, 2)) * np.random.default_rng(1).uniform(0.1, 2, (200, 1, 1))
    expected = ExactQonnx(model)(iq)
    assert len(np.unique(expected, axis=0)) > 100
    np.testing.assert_array_equal(IntegerQonnx(model)(iq), expected)
