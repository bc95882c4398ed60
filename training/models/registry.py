"""The registry of topologies: a name in an experiment file becomes a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from radioml.errors import RadioMLError


@dataclass(frozen=True)
class Published:
    """What the authors of an entry reported for it, measured on the real data set.

    score: of the challenge, pruned as submitted; None where they gave none. accuracy: 0 to 1, over all SNRs.
    remark: what a reader who compares must know.
    """

    score: float | None
    accuracy: float
    remark: str = ""


@dataclass(frozen=True)
class Topology:
    """A network, where it comes from, and what was published of it.

    source: a publication or repository.
    published: by the name of the shipped experiment that has the parameters which the authors used.
    """

    model: type[nn.Module]
    source: str
    published: Mapping[str, Published] = field(default_factory=dict)


_TOPOLOGIES: dict[str, Topology] = {}


def register(name: str, source: str, **published: Published) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator: make a topology available under `name`; see `Topology` for the rest."""

    def add(model: type[nn.Module]) -> type[nn.Module]:
        if name in _TOPOLOGIES:
            raise ValueError(f"two topologies are called {name!r}")
        _TOPOLOGIES[name] = Topology(model, source, published)
        return model

    return add


def topologies() -> list[str]:
    """Names of all topologies."""
    return sorted(_TOPOLOGIES)


def topology(name: str) -> Topology:
    """One topology; raises RadioMLError for an unknown name."""
    if name not in _TOPOLOGIES:
        raise RadioMLError(f"unknown topology {name!r}; there are: {', '.join(topologies())}")
    return _TOPOLOGIES[name]


def create(name: str, parameters: dict[str, Any]) -> nn.Module:
    """Build a topology; raises RadioMLError for an unknown name or parameters it does not take."""
    model = topology(name).model
    try:
        return model(**parameters)
    except (TypeError, ValueError) as error:
        raise RadioMLError(f"topology {name!r}: {error}") from error
