"""The batch at which a run failed, kept for whoever looks for the reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from radioml.errors import RadioMLError
from radioml.files import replacing
from training.distributed import rank

_NAMES = ("iq", "class_index", "snr_db", "position")


class DivergedError(RadioMLError):
    """The loss is not a number any more: with other settings the same data may do."""


def stopped_at(batch: tuple[torch.Tensor, ...], loss: float, step: int, folder: Path) -> DivergedError:
    """Save a batch whose loss is not a number; returns the error to stop with, which names the file.

    batch: IQ float32 (B, 2, 1024) as the network saw it, class, SNR in dB and position in the data file, each (B,).
    They become arrays iq, class_index, snr_db and position of bad_batch.npz in `folder`, beside step and loss; where
    several processes train, each but the first adds its rank to the name.
    """
    path = folder / (f"bad_batch_{rank()}.npz" if rank() else "bad_batch.npz")
    arrays = {name: tensor.cpu().numpy() for name, tensor in zip(_NAMES, batch, strict=True)}
    with replacing(path) as temporary:
        np.savez(temporary, step=step, loss=loss, **arrays)
    finite = np.isfinite(arrays["iq"]).all()
    reason = "its samples are finite: try a lower learning rate" if finite else "not all of its samples are finite"
    return DivergedError(f"the loss became {loss} at step {step}; {reason}; the batch is in {path}")
