"""Operations of the front end on integers that PyTorch holds as float32.

The cost function does not bill them. Each is written twice: with PyTorch's fastest operation, and, while a network is
exported, with the operation that the cost function knows. Both give the same integers: all values are integers times a
power of two below 2^24, and so are all sums on the way.
"""

from __future__ import annotations

import torch
from brevitas.export.onnx.qonnx.function import BrevitasQuantTorchScriptFn
from torch.nn.functional import avg_pool2d, max_pool2d, pad


def is_exported() -> bool:
    """Whether the operations of the cost function are wanted; tests replace this function."""
    return torch.onnx.is_in_onnx_export()


def limited(x: torch.Tensor, bits: int, signed: bool, narrow: bool = False) -> torch.Tensor:
    """x rounded to integers of `bits` bits; `narrow` leaves out the lowest. Halves go to the even integer."""
    if is_exported():
        scale, zero, width = (torch.tensor(value) for value in (1.0, 0.0, float(bits)))
        return BrevitasQuantTorchScriptFn.apply(x, scale, zero, width, int(narrow), int(signed), "ROUND")
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    return x.round().clamp(narrow - high - 1 if signed else 0, high)


def requantised(x: torch.Tensor, unit: float, step: float, bits: int, signed: bool) -> torch.Tensor:
    """x, multiples of `unit`, in integers of `step`: floor(x / step + 1/2), limited to `bits` bits.

    unit, step: powers of two, unit < step. The sum that is rounded is an odd multiple of unit / step / 2, and so never
    halfway between two integers.
    """
    return limited(x * (1 / step) + unit / step / 2, bits, signed)


def square(x: torch.Tensor) -> torch.Tensor:
    """x^2, of two factors: qonnx renames only one of two equal inputs of a node."""
    return (2 * x) * (0.5 * x) if is_exported() else x * x


def channel(x: torch.Tensor, index: int) -> torch.Tensor:
    """(N, 2, A, B) -> (N, 1, A, B): I for index 0, Q for 1."""
    if not is_exported():
        return x[:, index : index + 1]
    keep = torch.tensor([1.0 - index, float(index)]).reshape(1, 2, 1, 1)
    rows = (x * keep).reshape(-1, 1, 2, x.shape[2] * x.shape[3])
    return (2 * avg_pool2d(rows, (2, 1))).reshape(-1, 1, *x.shape[2:])


def every_other_phase(x: torch.Tensor) -> torch.Tensor:
    """(N, C, A, 8) -> (N, C, A, 4)."""
    return avg_pool2d(x, (1, 1), (1, 2)) if is_exported() else x[..., ::2]


def mean(x: torch.Tensor, rows: int = 1, columns: int = 1) -> torch.Tensor:
    """Means of blocks of rows x columns of (N, C, A, B), whose sizes they divide."""
    if is_exported():
        return avg_pool2d(x, (rows, columns))
    blocks = x.reshape(*x.shape[:2], x.shape[2] // rows, rows, x.shape[3] // columns, columns)
    return blocks.sum((3, 5)) * (1 / (rows * columns))


def highest(x: torch.Tensor) -> torch.Tensor:
    """(N, C, 1, B) -> (N, C, 1, 1), the maximum over the phases."""
    return max_pool2d(x, (1, x.shape[3])) if is_exported() else x.amax(3, keepdim=True)


def overlapping(x: torch.Tensor, rows: int) -> torch.Tensor:
    """Means of blocks of `rows` rows, half a block apart: (N, C, A, B) -> (N, C, 2 A / rows - 1, B)."""
    if is_exported():
        return avg_pool2d(x, (rows, 1), (rows // 2, 1))
    halves = mean(x, rows // 2)
    return (halves[:, :, :-1] + halves[:, :, 1:]) * 0.5


def mean_of_rows_and_a_zero(x: torch.Tensor) -> torch.Tensor:
    """Sum over the A rows of (N, C, A, B) by A + 1, a power of two: (N, C, 1, B)."""
    if is_exported():
        return avg_pool2d(x, (x.shape[2] + 1, 1), (x.shape[2] + 1, 1), (1, 0))
    return x.sum(2, keepdim=True) * (1 / (x.shape[2] + 1))


def adjacent_differences(x: torch.Tensor) -> torch.Tensor:
    """Differences between neighbouring rows of (N, C, A, B), every other one with its sign turned: (N, C, A - 1, B)."""
    if is_exported():
        signs = torch.tensor([1.0, -1.0]).repeat(x.shape[2] // 2).reshape(1, 1, -1, 1)
        return 2 * avg_pool2d(x * signs, (2, 1), (1, 1))
    turned = x[:, :, :-1] - x[:, :, 1:]
    turned[:, :, 1::2] *= -1
    return turned


def boxes(x: torch.Tensor) -> torch.Tensor:
    """Two means over 4 neighbours, (N, C, 1, B) -> the same shape: taps (1, 2, 3, 4, 3, 2, 1) / 16, but at the ends."""
    if is_exported():
        return avg_pool2d(avg_pool2d(x, (1, 4), (1, 1), (0, 2)), (1, 4), (1, 1), (0, 1))
    for zeros in (2, 1):  # in front and behind
        wide = pad(x, (zeros, zeros))
        pairs = wide[..., :-1] + wide[..., 1:]
        x = pairs[..., :-2] + pairs[..., 2:]
    return x * (1 / 16)


def binomial(x: torch.Tensor) -> torch.Tensor:
    """Taps (1, 2, 1) / 4 along the rows, zeros beyond them: two means over 2 neighbours."""
    if is_exported():
        return avg_pool2d(avg_pool2d(x, (2, 1), (1, 1), (1, 0)), (2, 1), (1, 1))
    pairs = pad(x, (0, 0, 1, 0)) + pad(x, (0, 0, 0, 1))
    return (pairs[:, :, :-1] + pairs[:, :, 1:]) * 0.25
