"""The package's streams as finn-plus-driver describes streams."""

from __future__ import annotations

from typing import Any

from radioml.contract.package import Manifest


def io_shapes(manifest: Manifest, input_dma: str, output_dma: str) -> dict[str, Any]:
    """The `io_shape_dict` that FINN writes to settings.json, for DMA engines of these names in the bitfile."""
    shapes: dict[str, Any] = {"num_inputs": 1, "num_outputs": 1, "idma_names": [input_dma], "odma_names": [output_dma]}
    for letter, stream in (("i", manifest.input), ("o", manifest.output)):
        shapes |= {
            f"{letter}dt": [f"DataType['{'' if stream.signed else 'U'}INT{stream.bits}']"],
            f"{letter}shape_normal": [(1, *stream.shape)],
            f"{letter}shape_folded": [(1, stream.words, stream.elements)],
            f"{letter}shape_packed": [(1, stream.words, stream.word_bytes)],
        }
    return shapes
