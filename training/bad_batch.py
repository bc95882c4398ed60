"""The batch at which a run failed, kept for whoever looks for the reason."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from radioml.errors import RadioMLError
from radioml.files import replacing
from training.distributed import rank

_NAMES = ("iq", "class_index", "snr_db", "position")


class DivergedError(RadioMLError):
    """The loss is not a number any more: with other settings the same data may do."""


class LossWatch:
    """Stops a run at the first batch whose loss is not a number, and saves that batch.

    To look at a loss, the host waits for a GPU to catch up. Several may be looked at together: training then goes on
    for some steps after the bad one, with weights that nobody keeps, and the batches stay in memory until then.
    """

    def __init__(self, folder: Path, every: int) -> None:
        """folder: where the batch is left. every: steps from one look to the next, 1 for one at each."""
        self._folder, self._every = folder, every
        self._unseen: list[tuple[tuple[torch.Tensor, ...], torch.Tensor, int]] = []

    def __call__(self, batch: tuple[torch.Tensor, ...], loss: torch.Tensor, step: int, last: bool) -> None:
        """Watch the loss of a step; raises DivergedError, at the latest with the last step before weights are kept.

        batch: IQ float32 (B, 2, 1024) as the network saw it, class, SNR in dB and position in the data file, each (B,).
        """
        self._unseen.append((batch, loss.detach(), step))
        if len(self._unseen) < self._every and not last:
            return
        unseen, self._unseen = self._unseen, []
        losses = torch.stack([loss for _, loss, _ in unseen]).tolist()
        for (batch, _, step), value in zip(unseen, losses, strict=True):
            if not math.isfinite(value):
                raise _stopped_at(batch, value, step, self._folder)


def _stopped_at(batch: tuple[torch.Tensor, ...], loss: float, step: int, folder: Path) -> DivergedError:
    """Save a batch whose loss is not a number; returns the error to stop with, which names the file.

    Its tensors become arrays iq, class_index, snr_db and position of bad_batch.npz in `folder`, beside step and loss;
    where several processes train, each but the first adds its rank to the name.
    """
    path = folder / (f"bad_batch_{rank()}.npz" if rank() else "bad_batch.npz")
    arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in zip(_NAMES, batch, strict=True)}
    with replacing(path) as temporary:
        np.savez(temporary, step=step, loss=loss, **arrays)
    finite = np.isfinite(arrays["iq"]).all()
    reason = "its samples are finite: try a lower learning rate" if finite else "not all of its samples are finite"
    return DivergedError(f"the loss became {loss} at step {step}; {reason}; the batch is in {path}")
