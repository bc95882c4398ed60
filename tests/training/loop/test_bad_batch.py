"""The batch at which the loss became NaN or infinite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.loop.bad_batch import DivergedError, LossWatch

pytestmark = pytest.mark.training


def _batch(number: int) -> tuple[torch.Tensor, ...]:
    """A batch of two frames, whose values are all `number`."""
    return torch.full((2, 2, 1024), float(number)), *(torch.full((2,), number) for _ in range(3))


@pytest.mark.parametrize(("every", "noticed"), [(1, 3), (4, 3), (5, 4), (100, 6)])
def test_the_bad_batch_is_found_among_those_that_are_looked_at_together(every: int, noticed: int, tmp_path: Path):
    """The fourth and fifth of seven losses are infinite or NaN; noticed: step at which the error is raised."""
    watch = LossWatch(tmp_path, every)
    losses = [1.0, 1.0, 1.0, torch.inf, torch.nan, 1.0, 1.0]
    with pytest.raises(DivergedError, match="loss became inf at step 3; its samples are finite"):
        for step, loss in enumerate(losses):
            watch(_batch(step), torch.tensor(loss, requires_grad=True), step, last=step == 6)
    assert step == noticed
    with np.load(tmp_path / "bad_batch.npz", allow_pickle=False) as saved:
        assert saved["step"] == 3 and (saved["iq"] == 3).all() and saved["position"].tolist() == [3, 3]
