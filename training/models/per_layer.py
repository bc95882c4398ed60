"""Parameters of a topology: one value for all layers, or one value for each layer."""

from __future__ import annotations

from collections.abc import Sequence

PerLayer = int | Sequence[int]
Bits = PerLayer


def per_layer(name: str, value: PerLayer, layers: int) -> tuple[int, ...]:
    """One value for each layer; raises ValueError for another number of entries, and unless all are positive."""
    values = _each(name, value, layers)
    if any(type(entry) is not int or entry < 1 for entry in values):
        raise ValueError(f"{name} = {value}: expected positive integers")
    return values


def _each(name: str, value: PerLayer, layers: int) -> tuple[int, ...]:
    values = (value,) * layers if isinstance(value, int) else tuple(value)
    if len(values) != layers:
        raise ValueError(f"{name} has {len(values)} entries; this network takes one for all layers, or {layers}")
    return values


def check_convolutions(
    channels: Sequence[int], kernels: Sequence[int], strides: Sequence[int], of: str = "convolution"
) -> None:
    """Raise ValueError unless each convolution (or block, named by `of`) has one entry, and its kernel is odd.

    An odd kernel with a padding of half its length gives ceil(length / stride) positions.
    """
    if not len(channels) == len(kernels) == len(strides):
        raise ValueError(f"channels, kernels and strides need one entry for each {of}")
    if any(kernel % 2 == 0 for kernel in kernels):
        raise ValueError(f"kernels = {list(kernels)}: expected odd numbers, as padding by half needs them")


def weight_widths(bits: Bits, layers: int) -> tuple[int, ...]:
    """Bits of the weights of each layer, 2 to 8.

    One bit is refused: zero is then the only value of the signed symmetric quantiser.
    """
    return _widths("weight_bits", bits, layers)


def activation_widths(bits: Bits, layers: int) -> tuple[int, ...]:
    """Bits of each activation, 2 to 8.

    One bit is refused: Brevitas exports it as a bipolar quantiser, whose values of minus and plus one no ReLU gives.
    """
    return _widths("activation_bits", bits, layers)


def _widths(name: str, bits: Bits, layers: int) -> tuple[int, ...]:
    values = _each(name, bits, layers)
    for index, width in enumerate(values):
        if not 2 <= width <= 8:
            where = "" if isinstance(bits, int) else f" of layer {index + 1}"
            raise ValueError(f"{name}{where} is {width}; uniform quantisation with zero point 0 takes 2 to 8 bits")
    return values
