"""Moments and cumulants of IQ frames, from operations that the challenge's cost function does not bill.

The operations are products, sums and average pooling; the function does not know Slice, Pow and ReduceMean. Products of
two activations are free in the official code; the rules' text does not mention them.

The means over the frame are rounded to 15 bits, multiples of 2^-10 in [-16, 16), and so is each product of two of them.
So hardware computes the same numbers with multipliers of 15 bits, where exact products would need 83 bits. The rounding
changes a feature by less than one step of its 5-bit quantiser in front of the first layer.
"""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from torch import nn
from torch.nn.functional import avg_pool1d, avg_pool2d

from radioml.constants import FRAME_LENGTH
from training.models.quantisers import InputQuant

_Complex = tuple[torch.Tensor, torch.Tensor]


class _MomentQuant(InputQuant):
    """The constant range [-16, 16), so one step is 2^-10 at 15 bits."""

    bit_width = 15
    min_val = -16.0
    max_val = 16.0


class Moments(nn.Module):
    """(N, 2, 1024) IQ -> (N, 23) features.

    The features are the mean and the second to fourth central moments of I and of Q (8), then real and imaginary parts
    of the cumulants C20, C21, C40, C41, C42, C60, C61, C62, C63 of the complex samples (15); imaginary parts that are
    always zero are left out. Cumulants: A. Abdelmutalab, K. Assaleh, M. El-Tarhuni, "Automatic modulation
    classification based on high order cumulants and hierarchical polynomial classifiers", Physical Communication 21,
    2016, from moments M_pq = mean(x^(p-q) conj(x)^q).
    """

    features = 23
    only_i: torch.Tensor
    only_q: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.round = qnn.QuantIdentity(act_quant=_MomentQuant, return_quant_tensor=False)
        self.register_buffer("only_i", torch.tensor([1.0, 0.0]).reshape(2, 1), persistent=False)
        self.register_buffer("only_q", torch.tensor([0.0, 1.0]).reshape(2, 1), persistent=False)

    def forward(self, iq: torch.Tensor) -> torch.Tensor:
        """All features."""
        x = _channel(iq, self.only_i), _channel(iq, self.only_q)
        values = [m.reshape(-1, 2) for m in self._central(iq)] + [c.reshape(-1, 1) for c in self._cumulants(x)]
        return torch.cat(values, 1)

    def _mean(self, a: torch.Tensor) -> torch.Tensor:
        return self.round(avg_pool1d(a, FRAME_LENGTH))

    def _product(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.round(a * b)

    def _square(self, a: torch.Tensor) -> torch.Tensor:
        return self.round(_square(a))

    def _central(self, iq: torch.Tensor) -> list[torch.Tensor]:
        """Mean and central moments of I and Q from powers of the samples, each (N, 2, 1)."""
        power = _square(iq)
        mean, m2, m3, m4 = (self._mean(a) for a in (iq, power, power * iq, _square(power)))
        mean_2 = self._square(mean)
        third = m3 - 3 * self._product(mean, m2) + 2 * self._product(mean_2, mean)
        fourth = m4 - 4 * self._product(mean, m3) + 6 * self._product(mean_2, m2) - 3 * self._square(mean_2)
        return [mean, m2 - mean_2, third, fourth]

    def _complex_square(self, a: _Complex) -> _Complex:
        return self._square(a[0]) - self._square(a[1]), 2 * self._product(a[0], a[1])

    def _times(self, a: _Complex, b: _Complex) -> _Complex:
        real = self._product(a[0], b[0]) - self._product(a[1], b[1])
        return real, self._product(a[0], b[1]) + self._product(a[1], b[0])

    def _scaled(self, a: _Complex, factor: torch.Tensor) -> _Complex:
        return self._product(a[0], factor), self._product(a[1], factor)

    def _norm(self, a: _Complex) -> torch.Tensor:
        return self._square(a[0]) + self._square(a[1])

    def _cumulants(self, x: _Complex) -> list[torch.Tensor]:
        """C20, C40, C41, C60, C61, C62 (real, imaginary) and C21, C42, C63 (real), each (N, 1, 1); x each (N, 1, L)."""

        def mean(a: _Complex) -> _Complex:
            return self._mean(a[0]), self._mean(a[1])

        square, power = _complex_square(x), _norm(x)
        fourth, power_2 = _complex_square(square), _square(power)
        m20, m40, m60 = mean(square), mean(fourth), mean(_times(fourth, square))
        m41, m61 = mean(_scaled(square, power)), mean(_scaled(fourth, power))
        m62 = mean(_scaled(square, power_2))
        m21, m42, m63 = (self._mean(p) for p in (power, power_2, power_2 * power))
        m20_m20, m21_m21, norm = self._complex_square(m20), self._square(m21), self._norm(m20)
        c40 = _sum((1, m40), (-3, m20_m20))
        c41 = _sum((1, m41), (-3, self._scaled(m20, m21)))
        c42 = m42 - norm - 2 * m21_m21
        c60 = _sum((1, m60), (-15, self._times(m20, m40)), (30, self._times(m20, m20_m20)))
        c61 = _sum(
            (1, m61), (-5, self._scaled(m40, m21)), (-10, self._times(m20, m41)), (30, self._scaled(m20_m20, m21))
        )
        c62 = _sum(
            (1, m62), (-6, self._scaled(m20, m42)), (-8, self._scaled(m41, m21)),
            (-1, self._times(_conjugate(m20), m40)), (6, self._scaled(m20, norm)), (24, self._scaled(m20, m21_m21)),
        )  # fmt: skip
        # M43 is the conjugate of M41, and M22 of M20. The sum of M20 M43 and M22 M41 is twice a real part.
        m20_m43 = self._product(m20[0], m41[0]) + self._product(m20[1], m41[1])
        c63 = m63 - 9 * self._product(m21, m42) + 12 * self._product(m21_m21, m21) - 6 * m20_m43
        c63 = c63 + 18 * self._product(norm, m21)
        return [*m20, *c40, *c41, *c60, *c61, *c62, m21, c42, c63]


def _channel(iq: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """(N, 2, L) -> (N, 1, L): the channel that the mask (2, 1) keeps."""
    pooled = avg_pool2d((iq * mask).reshape(-1, 1, 2, FRAME_LENGTH), (2, 1))
    return 2 * pooled.reshape(-1, 1, FRAME_LENGTH)


def _square(a: torch.Tensor) -> torch.Tensor:
    # Two factors, because qonnx renames only one of two equal inputs of a node. Halves and doubles are exact.
    return (2 * a) * (0.5 * a)


def _complex_square(a: _Complex) -> _Complex:
    return _square(a[0]) - _square(a[1]), 2 * a[0] * a[1]


def _times(a: _Complex, b: _Complex) -> _Complex:
    return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]


def _scaled(a: _Complex, factor: torch.Tensor) -> _Complex:
    return a[0] * factor, a[1] * factor


def _conjugate(a: _Complex) -> _Complex:
    return a[0], -1 * a[1]  # the cost function does not know Neg


def _norm(a: _Complex) -> torch.Tensor:
    return _square(a[0]) + _square(a[1])


def _sum(*terms: tuple[float, _Complex]) -> list[torch.Tensor]:
    first, *rest = terms
    total = [first[0] * first[1][0], first[0] * first[1][1]]
    for factor, (real, imaginary) in rest:
        total = [total[0] + factor * real, total[1] + factor * imaginary]
    return total
