"""The order of a graph's nodes, and what is computed twice."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from radioml.network.repeats import depth_first, without_repeats


def nodes() -> list[onnx.NodeProto]:
    """Two equal halves that differ in the end, written breadth first; one node nobody reads."""
    return [
        helper.make_node("Mul", ["x", "two"], ["a"]),
        helper.make_node("Mul", ["x", "also two"], ["b"]),
        helper.make_node("Mul", ["x", "three"], ["unread"]),
        helper.make_node("MaxPool", ["a"], ["c"], kernel_shape=[2]),
        helper.make_node("MaxPool", ["b"], ["d"], kernel_shape=[2]),
        helper.make_node("MaxPool", ["b"], ["e"], kernel_shape=[4]),
        helper.make_node("Concat", ["d", "c", "e"], ["y"], axis=1),
    ]


CONSTANTS = {"two": np.float32(2), "also two": np.float32(2), "three": np.float32(3)}


def test_equal_nodes_are_computed_once():
    given = nodes()
    kept = without_repeats(given, CONSTANTS, ["y"])
    assert [[*node.input] for node in kept] == [["x", "two"], ["x", "three"], ["a"], ["a"], ["c", "c", "e"]]
    assert [[*node.input] for node in given] == [[*node.input] for node in nodes()], "the graph is left as it is"


def test_an_output_of_the_graph_keeps_its_name():
    kept = without_repeats(nodes(), CONSTANTS, ["d", "y"])
    assert [name for node in kept for name in node.output] == ["a", "unread", "c", "d", "e", "y"]


def test_what_a_node_reads_is_computed_just_before_it():
    assert [node.output[0] for node in depth_first(nodes(), ["y"])] == ["b", "d", "a", "c", "e", "y"]
    assert [node.output[0] for node in depth_first(nodes(), ["c", "e"])] == ["a", "c", "b", "e"]
