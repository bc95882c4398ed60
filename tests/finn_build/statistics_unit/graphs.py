"""Small QONNX graphs for the statistics unit, and the comparison of the unit with the exact evaluation of a graph."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from finn_build.statistics_unit.evaluator import Evaluation
from finn_build.statistics_unit.read import read_unit
from finn_build.statistics_unit.unit import Unit
from radioml.network.exact_qonnx import ExactQonnx

LOGIT_SCALE = 2.0**-30
QONNX = "qonnx.custom_op.general"


class Graph:
    """Nodes that are added one by one; each method gives the name of a tensor."""

    def __init__(self):
        self.nodes, self.constants = [], []
        self.samples = self.quant("iq", 1 / 64, 8)

    def constant(self, value, dtype=np.float32):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(self, kind, *inputs, domain="", **attributes):
        output = f"t{len(self.nodes)}"
        names = [x if isinstance(x, str) else self.constant(x) for x in inputs]
        self.nodes.append(
            helper.make_node(kind, names, [output], name=f"n{len(self.nodes)}", domain=domain, **attributes)
        )
        return output

    def quant(self, x, scale, bits, signed=1, narrow=0):
        return self.node(
            "Quant", x, scale, 0.0, bits, domain=QONNX, signed=signed, narrow=narrow, rounding_mode="ROUND"
        )

    def reshape(self, x, *shape):
        return self.node("Reshape", x, self.constant(shape, np.int64))

    def pool(self, x, kernel, strides=None, pads=(0, 0, 0, 0), kind="AveragePool"):
        counted = {"count_include_pad": 1} if kind == "AveragePool" else {}
        return self.node(
            kind, x, kernel_shape=list(kernel), strides=list(strides or kernel), pads=list(pads), **counted
        )  # fmt: skip

    def phases(self):
        """I and Q in integers, (1, 2, 128, 8)."""
        return self.reshape(self.node("Mul", self.samples, 64.0), 1, 2, 128, 8)

    def results(self, x, rows=128, columns=8):
        """Maximum over the columns of the means over the rows, as logits."""
        means = self.pool(x, (rows, 1))
        self.finish(self.pool(means, (1, columns), kind="MaxPool") if columns > 1 else means)

    def finish(self, x):
        self.nodes.append(helper.make_node("Flatten", [x], ["logits"], name="last", axis=1))

    def model(self) -> ModelProto:
        graph = helper.make_graph(
            self.nodes, "unit",
            [helper.make_tensor_value_info("iq", TensorProto.FLOAT, [1, 2, 1024])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)], self.constants,
        )  # fmt: skip
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(QONNX, 1)]
        return helper.make_model(graph, opset_imports=opsets)

    def unit(self, lanes=8) -> Unit:
        return read_unit(self.model(), LOGIT_SCALE, lanes)


def frames(count=1, seed=0):
    """Frames int8 (N, 1024, 2): random ones, then one of the lowest and one of the highest integer."""
    random = np.random.default_rng(seed).integers(-128, 128, (count, 1024, 2), np.int8)
    return np.concatenate([random, np.full((1, 1024, 2), -128, np.int8), np.full((1, 1024, 2), 127, np.int8)])


def assert_equal(model: ModelProto, unit: Unit, integers: np.ndarray, logit_scale=LOGIT_SCALE) -> Evaluation:
    """Every tensor of the graph, and the range of every wire."""
    found = Evaluation(unit, integers)
    for index, wire in enumerate(unit.wires):
        assert wire.low <= found[index].min() and found[index].max() <= wire.high, wire
    exact = ExactQonnx(model)
    for frame, iq in enumerate(integers / 64):
        logits, tensors = exact.with_tensors(iq[None], list(unit.tensors))
        for name, value in tensors.items():
            assert np.array_equal(found.tensor(name)[frame], value[0]), name
        assert np.array_equal(found.logits[frame], logits[0] / logit_scale)
    return found


def random_graph(seed: int) -> Graph:
    """A dozen random operations on I and Q, and the maxima of the means of three of their results."""
    random, graph = np.random.default_rng(seed), Graph()
    made = [graph.quant(graph.phases(), 4.0, 6)]
    for _ in range(12):
        x, y = (made[i] for i in random.integers(0, len(made), 2))
        gain = random.choice([-1.5, 0.375, 1.25, 7.0], (1, 2, 1, 1)).astype(np.float32)
        bits, scale = int(random.integers(4, 9)), 2.0 ** random.integers(-1, 3)
        choice = random.integers(0, 6)
        if choice == 0:
            z = graph.node("Mul", x, y)
        elif choice == 1:
            z = graph.node(str(random.choice(["Add", "Sub"])), graph.node("Mul", x, gain), y)
        elif choice == 2:
            z = graph.pool(graph.pool(x, (2, 1), (1, 1), (1, 0, 1, 0)), (2, 1), (1, 1))
        elif choice == 3:
            z = graph.node("Clip", graph.node("Add", x, gain), -5.0, 20.0)
        elif choice == 4:
            z = graph.node("Mul", x, np.where(np.arange(128) % 4, 1.0, -1.0).reshape(1, 1, 128, 1))
        else:
            z = graph.node("Relu", graph.node("Mul", x, gain))
        made.append(graph.quant(z, float(scale), bits))
    graph.results(graph.node("Concat", *made[-3:], axis=1))
    return graph


def rows() -> Graph:
    """Maxima of the means of sums of neighbouring rows: with a sample a cycle, delay lines of 31 and 32 moves."""
    graph = Graph()
    x = graph.reshape(graph.node("Mul", graph.samples, 64.0), 1, 2, 32, 32)
    graph.results(graph.pool(x, (2, 1), (1, 1), (1, 0, 0, 0)), rows=32, columns=32)
    return graph
