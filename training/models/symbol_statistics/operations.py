"""Operations of the front end on numbers that PyTorch holds as float32.

The cost function does not bill them. Each is written twice: with PyTorch's fastest operation, and, while a network is
exported, with operations that the cost function knows. Both give the same numbers: all are integers below 2^24 times a
power of two, and so are all sums on the way. A complex signal has two channels, I and Q.
"""

from __future__ import annotations

import torch
from brevitas.export.onnx.qonnx.function import BrevitasQuantTorchScriptFn
from torch.nn.functional import avg_pool2d, max_pool2d, pad

_SHORT = 16
"""Rows of a block that is summed by halves."""


def is_exported() -> bool:
    """Whether the operations of the cost function are wanted; tests replace this function."""
    return torch.onnx.is_in_onnx_export()


def limited(x: torch.Tensor, step: float, bits: int, signed: bool, narrow: bool = False) -> torch.Tensor:
    """x rounded to multiples of `step` of `bits` bits; `narrow` leaves out the lowest. Halves go to the even one."""
    if is_exported():
        scale, zero, width = (torch.tensor(value) for value in (float(step), 0.0, float(bits)))
        return BrevitasQuantTorchScriptFn.apply(x, scale, zero, width, int(narrow), int(signed), "ROUND")
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    levels = (x * (1 / step)).round_().clamp_(narrow - high - 1 if signed else 0, high)
    return levels.mul_(step)


def requantised(x: torch.Tensor, unit: float, step: float, bits: int, signed: bool) -> torch.Tensor:
    """x, multiples of `unit`, as multiples of `step`: floor(x / step + 1/2) steps, limited to `bits` bits.

    unit, step: powers of two, unit < step. The number that is rounded is an odd multiple of unit / 2, and so never
    halfway between two multiples of the step.
    """
    return limited(x + unit / 2, step, bits, signed)


def doubled_square(x: torch.Tensor) -> torch.Tensor:
    """2 x^2, of two factors: qonnx renames only one of two equal inputs of a node."""
    return (2 * x) * x


def power(z: torch.Tensor) -> torch.Tensor:
    """|z|^2 of (N, 2, A, B): (N, 1, A, B)."""
    if is_exported():
        rows = doubled_square(z).reshape(-1, 1, 2, z.shape[2] * z.shape[3])
        return avg_pool2d(rows, (2, 1)).reshape(-1, 1, *z.shape[2:])
    squares = z * z
    return squares[:, :1] + squares[:, 1:]


def mean_power(z: torch.Tensor, zeros: int = 0) -> torch.Tensor:
    """Sum of |z|^2 over the rows of (N, 2, A, B) by the number A + zeros, a power of two: (N, 1, 1, B)."""
    rows = z.shape[2]
    if is_exported():
        both = doubled_square(z).reshape(-1, 1, 2 * rows, z.shape[3])
        return avg_pool2d(both, (2 * (rows + zeros), 1), padding=(zeros, 0))
    return (z * z).sum((1, 2), keepdim=True) * (1 / (rows + zeros))


def channel(z: torch.Tensor, index: int) -> torch.Tensor:
    """(N, 2, A, B) -> (N, 1, A, B): I for index 0, Q for 1."""
    if not is_exported():
        return z[:, index : index + 1]
    keep = torch.tensor([2.0 - 2 * index, 2.0 * index]).reshape(1, 2, 1, 1)
    rows = (z * keep).reshape(-1, 1, 2, z.shape[2] * z.shape[3])
    return avg_pool2d(rows, (2, 1)).reshape(-1, 1, *z.shape[2:])


def every_other_phase(x: torch.Tensor) -> torch.Tensor:
    """(N, C, A, 8) -> (N, C, A, 4)."""
    return avg_pool2d(x, (1, 1), (1, 2)) if is_exported() else x[..., ::2]


def mean(x: torch.Tensor, rows: int = 1, columns: int = 1) -> torch.Tensor:
    """Means of blocks of rows x columns of (N, C, A, B), whose sizes they divide."""
    if is_exported():
        return avg_pool2d(x, (rows, columns))
    if columns == 1 and 1 < rows <= _SHORT and rows & (rows - 1) == 0:
        return _short_sums(x, rows).mul_(1 / rows)
    blocks = x.reshape(*x.shape[:2], x.shape[2] // rows, rows, x.shape[3] // columns, columns)
    return blocks.sum((3, 5)).mul_(1 / (rows * columns))


def _short_sums(x: torch.Tensor, rows: int) -> torch.Tensor:
    """Sums of blocks of 2, 4, 8 ... rows by halves: PyTorch's own sum is slow where few numbers are added."""
    count, width = x.shape[2] // rows, x.shape[3]
    x = x.reshape(*x.shape[:2], count, rows * width)
    while (half := x.shape[3] // 2) >= width:
        x = x[..., :half] + x[..., half:]
    return x


def highest(x: torch.Tensor) -> torch.Tensor:
    """(N, C, 1, B) -> (N, C, 1, 1), the maximum over the phases."""
    return max_pool2d(x, (1, x.shape[3])) if is_exported() else x.amax(3, keepdim=True)


def overlapping(x: torch.Tensor, rows: int) -> torch.Tensor:
    """Means of blocks of `rows` rows, half a block apart: (N, C, A, B) -> (N, C, 2 A / rows - 1, B)."""
    if is_exported():
        return avg_pool2d(x, (rows, 1), (rows // 2, 1))
    halves = mean(x, rows // 2)
    return (halves[:, :, :-1] + halves[:, :, 1:]) * 0.5


def adjacent_differences(x: torch.Tensor) -> torch.Tensor:
    """Differences between neighbouring rows of (N, C, A, B), every other one with its sign turned: (N, C, A - 1, B)."""
    signs = torch.tensor([2.0, -2.0] * (int(x.shape[2]) // 2), dtype=x.dtype).reshape(1, 1, -1, 1)
    turned = x * signs
    return avg_pool2d(turned, (2, 1), (1, 1)) if is_exported() else (turned[:, :, :-1] + turned[:, :, 1:]) * 0.5


def block_sums(z: torch.Tensor, of_i: torch.Tensor, of_q: torch.Tensor) -> torch.Tensor:
    """Sum of I x of_i + Q x of_q over each row by its length: (N, 2, A, 4) -> (N, 1, 1, A); of_i, of_q: (4,)."""
    weights = 2 * torch.stack([of_i, of_q]).reshape(1, 2, 1, 4)
    if is_exported():
        return avg_pool2d((z * weights).reshape(-1, 1, 2, z.shape[2] * 4), (2, 4))
    return (z * weights).sum((1, 3))[:, None, None] * (1 / 8)


def boxes(x: torch.Tensor) -> torch.Tensor:
    """Two means over 4 neighbours, (N, C, 1, B) -> the same shape: taps (1, 2, 3, 4, 3, 2, 1) / 16, but at the ends."""
    if is_exported():
        return avg_pool2d(avg_pool2d(x, (1, 4), (1, 1), (0, 2)), (1, 4), (1, 1), (0, 1))
    for zeros in (2, 1):  # in front and behind
        wide = pad(x, (zeros, zeros))
        pairs = wide[..., :-1] + wide[..., 1:]
        x = pairs[..., :-2] + pairs[..., 2:]
    return x.mul_(1 / 16)


def binomial(x: torch.Tensor) -> torch.Tensor:
    """Taps (1, 2, 1) / 4 along the rows, zeros beyond them: two means over 2 neighbours."""
    if is_exported():
        return avg_pool2d(avg_pool2d(x, (2, 1), (1, 1), (1, 0)), (2, 1), (1, 1))
    wide = pad(x, (0, 0, 1, 1))
    pairs = wide[:, :, :-1] + wide[:, :, 1:]
    return (pairs[:, :, :-1] + pairs[:, :, 1:]).mul_(0.25)
