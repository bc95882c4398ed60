from __future__ import annotations

import numpy as np
import pytest

from radioml.errors import RadioMLError
from radioml.network.exact_qonnx import logits_as_integers


def test_logits_become_the_integers_that_they_stand_for():
    integers = np.array([[-70_000, 0, 3], [1, 2, 131_071]])
    scale = float(np.float32(0.0123))
    found = logits_as_integers(integers * scale * (1 + 1e-9), scale)
    assert found.dtype == np.int64 and np.array_equal(found, integers)


@pytest.mark.parametrize("wrong", [0.5, 0.002, np.nan])
def test_what_is_no_integer_is_not_rounded_away(wrong: float):
    with pytest.raises(RadioMLError, match=r"not multiples of logit_scale 0\.5"):
        logits_as_integers(np.array([1.0, 3.0, 0.5 * (7 + wrong)]), 0.5)
