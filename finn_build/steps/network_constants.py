"""The constants of a QONNX network, as it stores them and as exact arithmetic takes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from radioml.network.exact_qonnx import exact_constants

if TYPE_CHECKING:
    from qonnx.core.modelwrapper import ModelWrapper


class NetworkConstants:
    """Constants by the names of their tensors, each kind read once."""

    def __init__(self, network: ModelWrapper) -> None:
        self._network = network

    @cached_property
    def stored(self) -> Mapping[str, np.ndarray]:
        """As the network stores them."""
        return {tensor.name: self._network.get_initializer(tensor.name) for tensor in self._network.graph.initializer}

    @cached_property
    def exact(self) -> Mapping[str, np.ndarray]:
        """The stored constants, and quantised weights; see `exact_constants`."""
        return {**self.stored, **exact_constants(self._network.model)}
