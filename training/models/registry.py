"""The registry of topologies: a name in an experiment file becomes a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from radioml.errors import RadioMLError

_MODELS: dict[str, type[nn.Module]] = {}


def register(name: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator: make a topology available under `name`."""

    def add(model: type[nn.Module]) -> type[nn.Module]:
        if name in _MODELS:
            raise ValueError(f"two topologies are called {name!r}")
        _MODELS[name] = model
        return model

    return add


def topologies() -> list[str]:
    """Names of all topologies."""
    return sorted(_MODELS)


def create(name: str, parameters: dict[str, Any]) -> nn.Module:
    """Build a topology; raises RadioMLError for an unknown name or parameters it does not take."""
    if name not in _MODELS:
        raise RadioMLError(f"unknown topology {name!r}; there are: {', '.join(topologies())}")
    try:
        return _MODELS[name](**parameters)
    except (TypeError, ValueError) as error:
        raise RadioMLError(f"topology {name!r}: {error}") from error
