"""The batch at which the loss became NaN or infinite, saved for the search for the reason."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from radioml.errors import RadioMLError
from radioml.files import replacing
from radioml.run_directory import BAD_BATCH
from training.loop.distributed import rank

_NAMES = ("iq", "class_index", "snr_db", "position")


class DivergedError(RadioMLError):
    """The loss became NaN or infinite; other settings may train on the same data."""


class LossWatch:
    """Stops a run at the first batch whose loss is NaN or infinite, and saves that batch.

    Reading a loss makes the host wait for the GPU, so the losses of several steps may be read together. The batches of
    these steps stay in memory until then; steps after the bad one train weights that are never saved.
    """

    def __init__(self, folder: Path, every: int) -> None:
        """folder: gets the bad batch. every: steps from one read of losses to the next."""
        self._folder, self._every = folder, every
        self._unseen: list[tuple[tuple[torch.Tensor, ...], torch.Tensor, int]] = []

    def __call__(self, batch: tuple[torch.Tensor, ...], loss: torch.Tensor, step: int, last: bool) -> None:
        """Watch the loss of a step.

        Args:
            batch: the network's input float32 (B, 2, 1024), then class, SNR in dB and position in the data file, each
                (B,).
            loss: of the batch, a scalar.
            step: number of the step, from 0.
            last: whether weights may be saved after this step; all losses are then read.

        Raises:
            DivergedError: for the first loss that is NaN or infinite.
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
    """Save a batch whose loss is NaN or infinite; returns the error to raise, which names the file.

    bad_batch.npz in `folder` has the arrays iq, class_index, snr_db, position, step and loss. Where several processes
    train, every process but the first adds its rank to the name.
    """
    path = folder / (BAD_BATCH.replace(".", f"_{rank()}.") if rank() else BAD_BATCH)
    arrays: dict[str, Any] = {name: tensor.cpu().numpy() for name, tensor in zip(_NAMES, batch, strict=True)}
    with replacing(path) as temporary:
        np.savez(temporary, step=step, loss=loss, **arrays)
    finite = np.isfinite(arrays["iq"]).all()
    reason = "its samples are finite: try a lower learning rate" if finite else "not all of its samples are finite"
    return DivergedError(f"the loss became {loss} at step {step}; {reason}; the batch is in {path}")
