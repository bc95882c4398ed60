"""One training run in several processes: each takes a slice of every batch, and all have the same weights.

`torchrun` starts the same command in every process and sets the environment variables that tell a process its rank. The
result is that of one process with the same batches, up to the order in which sums are rounded, because

- batch norms take mean and variance over the slices of all processes (`synchronise_batch_norms`),
- slices are equally large, so that the mean of the processes' gradients is the gradient of the mean loss,
- random numbers are drawn for the whole batch, by all processes alike.

The first process writes all files. Hosts must share the run directory. Where the disk of the data is not shared, each
host converts the data set for itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from brevitas.core.scaling import ParameterFromRuntimeStatsScaling, RuntimeStatsScaling
from torch import distributed, nn

from radioml.errors import RadioMLError
from radioml.processes import end_with_starter

PATIENCE = timedelta(minutes=30)
"""How long a process waits for another one: longer than the conversion of the full data set takes.

The end of a process is noticed at once: on the same host by torchrun, on CPUs also by the lost connection.
"""

_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")


def world_size() -> int:
    """Number of processes of this run."""
    return int(os.environ["WORLD_SIZE"]) if distributed.is_torchelastic_launched() else 1


def rank() -> int:
    """Number of this process, from 0; process 0 writes files and reports progress."""
    return int(os.environ["RANK"]) if world_size() > 1 else 0


def trainer_settings() -> dict[str, Any]:
    """Lightning's arguments for the processes that torchrun started, or for one process on one device."""
    from lightning.pytorch.strategies import DDPStrategy

    settings: dict[str, Any] = {"use_distributed_sampler": False}  # training.data.batches deals the slices
    if world_size() == 1:
        return {**settings, "devices": 1}
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    # Buffers are equal in all processes. Copying them at every step would wait for processes without a batch.
    strategy = DDPStrategy(broadcast_buffers=False)
    return {**settings, "devices": local, "num_nodes": world_size() // local, "strategy": strategy}


@contextmanager
def connected() -> Iterator[None]:
    """Connect the processes of this run during the block; at its end they wait for each other.

    This process ends with the torchrun that started it, even a killed one. Raises RadioMLError where another process
    ended; that process reports the reason.
    """
    if world_size() == 1:
        yield
        return
    end_with_starter()
    backend = "gloo"
    if torch.cuda.is_available():
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    try:
        distributed.init_process_group(backend, timeout=PATIENCE)
        yield
        _meet()
    except RuntimeError as error:
        if not any(text in str(error) for text in _LOST):
            raise
        raise RadioMLError(
            f"process {rank()} lost its connection: another process of this run ended; its output says why"
        ) from error
    distributed.destroy_process_group()


@contextmanager
def first_process_first() -> Iterator[None]:
    """Run the block in the first process of each host, then in the others."""
    first = world_size() == 1 or os.environ["LOCAL_RANK"] == "0"
    if not first:
        _meet()
    yield
    if first:
        _meet()


def gathered(rows: torch.Tensor) -> torch.Tensor:
    """The rows (n, ...) of all processes in the order of their ranks, on the CPU; n may differ between processes."""
    rows = rows.cpu()
    if world_size() == 1:
        return rows
    count = torch.tensor([len(rows)])
    counts = [torch.zeros_like(count) for _ in range(world_size())]
    distributed.all_gather(counts, count)
    padded = rows.new_zeros(int(max(counts)), *rows.shape[1:])
    padded[: len(rows)] = rows
    parts = [torch.zeros_like(padded) for _ in counts]
    distributed.all_gather(parts, padded)
    return torch.cat([part[: int(n)] for part, n in zip(parts, counts, strict=True)])


def synchronise_batch_norms(network: nn.Module) -> None:
    """Replace a network's batch norms by ones over the slices of all processes.

    Names and values of the state dict, and the network in evaluation mode, stay the same. Raises RadioMLError for other
    layers that gather statistics, because theirs would be of one process alone.
    """
    if world_size() == 1:
        return
    alone = (nn.modules.batchnorm._BatchNorm, RuntimeStatsScaling, ParameterFromRuntimeStatsScaling)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm1d:
                setattr(module, name, _SynchronisedBatchNorm.like(child))
            elif isinstance(child, alone):
                raise RadioMLError(
                    f"{type(child).__name__} takes statistics of the frames in one process alone; train this network "
                    "without torchrun"
                )


class _SynchronisedBatchNorm(nn.BatchNorm1d):
    """Batch norm over the equally large slices of all processes.

    torch's SyncBatchNorm does the same on GPUs only. A second exchange gives the variance around the common mean; a
    difference of mean squares would lose digits.
    """

    # Never None: this layer replaces batch norms that track statistics.
    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor
    momentum: float

    @classmethod
    def like(cls, layer: nn.BatchNorm1d) -> _SynchronisedBatchNorm:
        """A layer with the parameters, statistics and settings of a batch norm."""
        same = cls(layer.num_features, layer.eps, layer.momentum)
        same.load_state_dict(layer.state_dict())
        return same.train(layer.training)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C) or (N, C, L), the slice of this process."""
        if not self.training:
            return super().forward(x)
        others = [dimension for dimension in range(x.dim()) if dimension != 1]
        channels = [-1 if dimension == 1 else 1 for dimension in range(x.dim())]
        mean = _MeanOverProcesses.apply(x.mean(others))
        centred = x - mean.view(channels)
        variance = _MeanOverProcesses.apply(centred.square().mean(others))
        with torch.no_grad():
            n = x.numel() // self.num_features * world_size()
            self.num_batches_tracked += 1
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
        factor = self.weight * torch.rsqrt(variance + self.eps)
        return centred * factor.view(channels) + self.bias.view(channels)


class _MeanOverProcesses(torch.autograd.Function):
    """The differentiable mean of a tensor over all processes: each process gets the gradients of all losses.

    torch's own version, `torch.distributed.nn.functional.all_reduce`, is deprecated.
    """

    @staticmethod
    def forward(_context: Any, value: torch.Tensor) -> torch.Tensor:
        return _mean(value)

    @staticmethod
    def backward(_context: Any, gradient: torch.Tensor) -> torch.Tensor:
        return _mean(gradient)


def _mean(value: torch.Tensor) -> torch.Tensor:
    total = value.detach().clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total / world_size()


def _meet() -> None:
    """Wait until all processes are here, without the GPU that torch's barrier takes."""
    if world_size() > 1:
        distributed.all_reduce(torch.zeros(1))
