from __future__ import annotations

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper

from finn_build.verify.graph_runner import GraphRunner, integers_of
from radioml.contract.metadata import load_exported
from radioml.data.synthetic import generate_spread


def test_a_network_is_executed_in_double_precision(small_model):
    """qonnx's own quantiser rounds to single precision, which changes a level now and then."""
    proto, metadata = load_exported(small_model)
    runner = GraphRunner(ModelWrapper(proto))
    steps = runner(generate_spread(26, seed=2).iq[-1].T[None], []).output / metadata.logit_scale
    assert np.abs(steps).max() > 10
    assert np.abs(steps - np.rint(steps)).max() < 1e-9


def test_what_a_rounded_scale_leaves_of_an_integer():
    """A logit of an 8-bit VGG10, where FINN streamlined its scale in single precision; and fractions that stay."""
    assert integers_of(np.array([230008.98900527, 3.009])).tolist() == [230009, 3]
    assert integers_of(np.array([230008.9, 3.02, 100.3])).tolist() == [230008.9, 3.02, 100.3]
