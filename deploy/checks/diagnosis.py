"""The likely cause of wrong golden logits: the quantiser, the packing, or the wrong accelerator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from radioml.contract.package import Manifest, StreamFormat
from radioml.contract.packing import pack, unpack

Infer = Callable[[np.ndarray], np.ndarray]


def diagnose(manifest: Manifest, iq: np.ndarray, expected: np.ndarray, found: np.ndarray, infer: Infer) -> str:
    """One sentence that names the likely cause.

    Known errors of hosts in quantising and packing are tried in turn until one of them gives the expected logits.

    Args:
        manifest: of the package.
        iq: golden frames, float32 (N, 1024, 2).
        expected, found: logits of the frames, (N, classes), which differ.
        infer: integers int8 (N, 1024, 2) -> the accelerator's logits.
    """
    if cause := _of_the_output(manifest.output, expected, found):
        return cause
    tried = []
    variants = [(_quantised(manifest, iq), "the manifest's input quantiser is not the network's")]
    variants.append((_packed(manifest, iq), "the manifest's input packing is not the accelerator's"))
    for frames, cause in variants:
        for how, integers in frames:
            if np.array_equal(infer(integers), expected):
                return f"They agree when the frames are {how}: {cause}."
            tried.append(how)
    return (
        f"No other quantiser or packing explains it ({', '.join(tried)} were tried), so this is the wrong accelerator: "
        "its bitfile, library or model is of another build or checkpoint than the manifest and the golden frames. "
        "Build the package again."
    )


def _of_the_output(stream: StreamFormat, expected: np.ndarray, found: np.ndarray) -> str:
    """The cause that the logits alone show, or ""."""
    if found.shape != expected.shape:
        return "It is the wrong accelerator: the bitfile, library or model of another network. Build the package again."
    if len(found) > 1 and (found == found[0]).all():
        return (
            "Every frame gets the same logits, so the frames do not reach the network: the wrong bitfile (of a design "
            "with other streams, or without its weights), or buffers that are not flushed."
        )
    for late in range(1, len(found) // 2 + 1):
        if np.array_equal(found[late:], expected[:-late]):
            return (
                f"The logits are right but {late} frame(s) late: the accelerator holds frames of an earlier run. Load "
                "the bitfile again."
            )
    for how, logits in _reordered(expected, stream):
        if np.array_equal(logits, found):
            return f"The logits are right but {how}: the manifest's output packing is not the accelerator's."
    if np.array_equal(np.sort(found, 1), np.sort(expected, 1)):
        return "The values are right but in another order: the output stream is unpacked or wired differently."
    if (wrong := (found != expected).any(1)).mean() < 0.5:
        frames = ", ".join(map(str, np.flatnonzero(wrong)[:5]))
        return (
            f"Most frames agree, so quantiser and packing are right: a weight or threshold differs, or the golden "
            f"frames ({frames}) do. Build the package again."
        )
    return ""


def _quantised(manifest: Manifest, iq: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The frames with each known error of quantising."""
    quantiser = manifest.quantiser
    floored = np.clip(np.floor(iq / np.float32(quantiser.scale)), quantiser.minimum, quantiser.maximum)
    yield "rounded down instead of to the nearest", floored.astype(np.int8)
    yield "quantised with twice the scale", replace(quantiser, scale=2 * quantiser.scale)(iq)
    yield "quantised with half the scale", replace(quantiser, scale=quantiser.scale / 2)(iq)


def _packed(manifest: Manifest, iq: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The integers that an accelerator sees with each known error of packing."""
    integers = manifest.quantiser(iq)
    yield "packed with I and Q exchanged", np.ascontiguousarray(integers[..., ::-1])
    yield "packed with all I before all Q", integers.transpose(0, 2, 1).reshape(integers.shape)
    for how, changed in _reordered(integers, manifest.input):
        yield f"packed {how}", changed.astype(np.int8)


def _reordered(integers: np.ndarray, stream: StreamFormat) -> Iterator[tuple[str, np.ndarray]]:
    """The integers that are unpacked where two ends disagree on the order within a word, int64 of the same shape.

    Each order is its own inverse.
    """
    words = pack(integers, stream)
    if stream.elements > 1:
        elements = integers.reshape(len(words), stream.elements)[:, ::-1]
        yield "with the elements of a word in reverse", elements.reshape(integers.shape)
    if stream.bits == 4 and stream.elements > 1:
        yield "with the nibbles of a byte exchanged", unpack(words >> 4 | words << 4, stream)
    for size in sorted({2, 4, 8, stream.word_bytes} - {1}):
        if stream.word_bytes % size == 0:
            swapped = words.reshape(len(words), -1, size)[..., ::-1].reshape(words.shape)
            yield f"with the bytes of {8 * size}-bit numbers in reverse", unpack(swapped, stream)
