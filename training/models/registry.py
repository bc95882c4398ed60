"""The registry of topologies: from the name in an experiment file to the network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_origin, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import nn

from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean
from training.models.own_code import create_own, is_own, loaded


@dataclass(frozen=True)
class Published:
    """The figures that the authors of an entry reported, measured on the real data set.

    score: of the challenge, pruned as submitted; None where the authors gave none.
    accuracy: 0 to 1, over all SNRs.
    remark: for readers who compare.
    """

    score: float | None
    accuracy: float
    remark: str = ""


@dataclass(frozen=True)
class Topology:
    """A network with its source and published figures.

    model: class of the network.
    source: a publication or repository.
    published: name of the shipped experiment with the authors' parameters -> their figures.
    """

    model: type[nn.Module]
    source: str
    published: Mapping[str, Published] = field(default_factory=dict)


SIZES = (1, 4096)
"""The smallest and largest number that a topology takes; a frame has 1,024 samples."""
BITS = (2, 8)
"""Smallest and largest width of a quantiser."""
_TOPOLOGIES: dict[str, Topology] = {}


def register(name: str, source: str, **published: Published) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Class decorator that registers a topology; for source and published figures see `Topology`."""

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
    """One topology; raises RadioMLError for an unknown name, and for code that was not loaded."""
    if is_own(name):
        own = loaded(name)
        return Topology(own.model, str(own.place))
    if name not in _TOPOLOGIES:
        hint = did_you_mean(name, topologies())
        raise RadioMLError(f"unknown topology {name!r}{hint} There are: {', '.join(topologies())}")
    return _TOPOLOGIES[name]


def create(name: str, parameters: dict[str, Any]) -> nn.Module:
    """Build a topology; raises RadioMLError for an unknown name or parameters it does not take."""
    if is_own(name):
        return create_own(loaded(name), parameters)
    model = topology(name).model
    try:
        _check(model, parameters)
        return model(**parameters)
    except (TypeError, ValueError, RuntimeError, MemoryError) as error:
        raise RadioMLError(f"topology {name!r}: {error}") from error


def _check(model: type[nn.Module], parameters: dict[str, Any]) -> None:
    """Check parameters against the constructor's annotations; raises ValueError for one that does not fit.

    Whole numbers are counts and sizes, `SIZES`, or bits, `BITS`; a list of them has an entry at least. A class names in
    `checks` the parameters whose size it looks at itself.
    """
    annotations, known = get_type_hints(model.__init__), inspect.signature(model).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    for name, value in parameters.items():
        if name not in known and not takes_any:
            raise ValueError(f"unknown parameter {name!r}{did_you_mean(name, known)} There are {', '.join(known)}")
        of_bits = name.endswith("bits")  # the networks check these themselves, and name the layer
        any_size = of_bits or name in getattr(model, "checks", ())
        if name in annotations and not _fits(value, annotations[name], any_size=any_size):
            raise ValueError(f"{name} = {value!r}: expected {_words(annotations[name], *(BITS if of_bits else SIZES))}")


def _fits(value: Any, annotation: Any, any_size: bool) -> bool:
    values = tuple(value) if isinstance(value, list) else value
    try:
        TypeAdapter(annotation, config=ConfigDict(strict=True)).validate_python(values)
    except ValidationError:
        return False
    numbers = values if isinstance(values, tuple) else (values,)
    least, most = SIZES
    return annotation is bool or (
        len(numbers) > 0 and (any_size or all(least <= n <= most for n in numbers if not isinstance(n, str)))
    )


def _words(annotation: Any, least: int, most: int) -> str:
    if annotation is bool:
        return "true or false"
    number, several = f"a whole number from {least} to {most}", f"a list of whole numbers from {least} to {most}"
    if annotation == tuple[str, ...]:
        return "a list of names"
    if get_origin(annotation) in (tuple, Sequence):
        return several
    return number if annotation is int else f"{number}, or {several}"
