"""One training run in several processes: each takes its slice of every batch, all hold the same weights.

`torchrun` starts the same command once a process and says in the environment which process is which. What makes the
result that of one process with the same batches, up to the rounding of sums that are added in another order:

- batch norms take mean and variance over the slices of all processes (`synchronise_batch_norms`),
- slices are equally large, so that the mean of the processes' gradients is the gradient of the mean loss,
- a number that is drawn at random is drawn by all processes alike, for the whole batch.

The first process writes all files. Hosts must share the run directory; each converts the data set for itself where the
disk is not shared.
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

PATIENCE = timedelta(minutes=30)
"""How long a process waits for another one: longer than the first takes to convert the full data set.

A process that ends is noticed at once, by torchrun on the same host and on CPUs everywhere, by the connection.
"""

_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")


def world_size() -> int:
    """Number of processes of this run."""
    return int(os.environ["WORLD_SIZE"]) if distributed.is_torchelastic_launched() else 1


def rank() -> int:
    """Which of them this one is, from 0 on; 0 writes files and speaks."""
    return int(os.environ["RANK"]) if world_size() > 1 else 0


def trainer_settings() -> dict[str, Any]:
    """Lightning's arguments for the processes that torchrun started, or for one process on one device."""
    from lightning.pytorch.strategies import DDPStrategy

    settings: dict[str, Any] = {"use_distributed_sampler": False}  # training.data deals the slices
    if world_size() == 1:
        return {**settings, "devices": 1}
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    # Buffers are equal in all processes; copying them at every step would also wait for processes without a batch.
    strategy = DDPStrategy(broadcast_buffers=False)
    return {**settings, "devices": local, "num_nodes": world_size() // local, "strategy": strategy}


@contextmanager
def connected() -> Iterator[None]:
    """Connect the processes of this run for the block, at whose end they wait for each other.

    Raises RadioMLError where another process ended, which said why.
    """
    if world_size() == 1:
        yield
        return
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
        raise RadioMLError(f"process {rank()} lost the others: another process of this run ended, see there") from error
    distributed.destroy_process_group()


@contextmanager
def first_process_first() -> Iterator[None]:
    """Run the block in the first process of each host, and when it is done there, in the others."""
    first = world_size() == 1 or os.environ["LOCAL_RANK"] == "0"
    if not first:
        _meet()
    yield
    if first:
        _meet()


def gathered(rows: torch.Tensor) -> torch.Tensor:
    """The rows (n, ...) of all processes, whose n may differ, one below the other on the CPU; each process gets all."""
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
    """Let the batch norms of a network see the whole batch where several processes share it.

    The state dict keeps its names and values, and in evaluation mode nothing changes. Raises RadioMLError for layers
    that gather statistics of their own process alone.
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

    torch's SyncBatchNorm does the same on GPUs only. The variance is taken around the common mean, in a second
    exchange, because the difference of two large numbers would lose digits.
    """

    # Never None: this layer replaces batch norms that track statistics.
    running_mean: torch.Tensor
    running_var: torch.Tensor
    num_batches_tracked: torch.Tensor
    momentum: float

    @classmethod
    def like(cls, layer: nn.BatchNorm1d) -> _SynchronisedBatchNorm:
        """With the parameters, statistics and settings of another one."""
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
    """The mean of a tensor over all processes, through which gradients of all their losses flow back to each.

    The public differentiable version of torch, `torch.distributed.nn.functional.all_reduce`, is deprecated.
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
    """Wait until all processes are here. Unlike torch's barrier it does not take the GPU."""
    if world_size() > 1:
        distributed.all_reduce(torch.zeros(1))
