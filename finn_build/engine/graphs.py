"""Graphs of the build as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from radioml.files import replacing

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


def load_graph(path: Path) -> ModelWrapper:
    """A graph that the build wrote."""
    from qonnx.core.modelwrapper import ModelWrapper

    return ModelWrapper(str(path))


def save_graph(model: ModelWrapper, path: Path) -> None:
    """Write a graph in one step."""
    with replacing(path) as temporary:
        model.save(str(temporary))
