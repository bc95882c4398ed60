"""Topologies of the user's own: a class in a Python file or package, `FILE.py:CLASS` or `PACKAGE.MODULE:CLASS`.

Such code is run when somebody asks for it: by an experiment file that a command is given, or by an option. A checkpoint
or a run directory names the code that it needs, with its SHA-256, and never loads it.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from torch import nn

from radioml.errors import RadioMLError
from radioml.suggest import did_you_mean


@dataclass(frozen=True)
class OwnTopology:
    """A class of the user's. name: as it was asked for. sha256: of the file or, in a package, of all its Python files.

    place: the file.
    """

    name: str
    model: type[nn.Module]
    sha256: str
    place: Path


_LOADED: dict[str, OwnTopology] = {}


def is_own(name: str) -> bool:
    """Whether a topology's name names code instead of an entry of the registry."""
    return ":" in name


def load_own(name: str, base: Path) -> OwnTopology:
    """Run the code that `name` names, and return its class; paths and packages are looked for in `base` first.

    Raises RadioMLError for a file, package or class that is not there, a class that is no network, and code that fails,
    with the line that does.
    """
    where, _, class_name = name.rpartition(":")
    if not where or not class_name.isidentifier():
        raise RadioMLError(f"topology {name!r}: expected FILE.py:CLASS or PACKAGE.MODULE:CLASS")
    if where.endswith(".py"):
        place = (base / where).resolve()
        if not place.is_file():
            raise RadioMLError(f"topology {name!r}: {place} is no file")
        digest = hashlib.sha256(place.read_bytes()).hexdigest()
        module = _run_file(name, place, digest)
    else:
        module = _import(name, where, base)
        place = Path(inspect.getfile(module))
        digest = _package_digest(where, place)
    model = vars(module).get(class_name)
    if not (isinstance(model, type) and issubclass(model, nn.Module)):
        there = [key for key, value in vars(module).items() if _is_network_of(value, module)]
        meant = did_you_mean(class_name, there)
        raise RadioMLError(
            f"topology {name!r}: {place} has no subclass of torch.nn.Module of this name{meant} "
            f"It has {', '.join(there) or 'none'}"
        )
    _LOADED[name] = OwnTopology(name, model, digest, place)
    return _LOADED[name]


def loaded(name: str, sha256: str | None = None) -> OwnTopology:
    """A loaded topology: the one of this name or, with this digest, the same class under any name.

    Raises RadioMLError for code that was not loaded, and for other code of the same name.
    """
    class_name = name.rpartition(":")[2]
    if name in _LOADED and sha256 in (None, _LOADED[name].sha256):
        return _LOADED[name]
    alike = [own for own in _LOADED.values() if own.model.__name__ == class_name]
    for own in alike:
        if own.sha256 == sha256:
            _LOADED[name] = own
            return own
    if alike:
        raise RadioMLError(
            f"topology {name!r}: {alike[0].place} has changed since the checkpoint was made (SHA-256 "
            f"{alike[0].sha256[:12]}... instead of {str(sha256)[:12]}...); restore the earlier file"
        )
    raise RadioMLError(
        f"topology {name!r} is code of your own, which runs on request alone: name the file "
        f"with --topology PATH/FILE.py:{class_name}"
    )


def create_own(own: OwnTopology, parameters: dict[str, Any]) -> nn.Module:
    """Make the network; raises RadioMLError for parameters that it does not take, and what its code raises."""
    with messages_of(own.name):
        accepted = inspect.signature(own.model).parameters
        hints = get_type_hints(own.model.__init__)
    if unknown := [name for name in parameters if name not in accepted]:
        meant = did_you_mean(unknown[0], accepted)
        raise RadioMLError(
            f"topology {own.name!r} has no parameter {unknown[0]!r}{meant} It has {', '.join(accepted) or 'none'}"
        )
    for name, value in parameters.items():
        try:
            if name in hints:
                TypeAdapter(hints[name], config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
        except ValidationError as error:
            raise RadioMLError(f"topology {own.name!r}: {name} = {value!r}: {error.errors()[0]['msg']}") from error
    with messages_of(own.name):
        return own.model(**parameters)


@contextmanager
def messages_of(name: str) -> Iterator[None]:
    """Turn any exception of a topology's code into RadioMLError with the line."""
    try:
        yield
    except RadioMLError:
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        line = getattr(error, "lineno", None) or last.lineno  # of a SyntaxError, its own
        file = getattr(error, "filename", None) or last.filename
        raise RadioMLError(f"topology {name!r}: {file}, line {line}: {type(error).__name__}: {error}") from error


def _run_file(name: str, place: Path, digest: str) -> ModuleType:
    module_name = f"radioml_own_{digest[:16]}"
    if module_name in sys.modules:
        return sys.modules[module_name]
    spec = importlib.util.spec_from_file_location(module_name, place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        with messages_of(name), _found_first(place.parent):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def _import(name: str, module: str, base: Path) -> ModuleType:
    with messages_of(name), _found_first(base.resolve()):
        importlib.invalidate_caches()
        return importlib.import_module(module)


@contextmanager
def _found_first(folder: Path) -> Iterator[None]:
    """Let imports look in a folder first, the code's own."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _package_digest(module: str, place: Path) -> str:
    """Digest of all Python files of the outermost package, or of a module outside of packages."""
    depth = module.count(".") + (place.name == "__init__.py")
    root = place.parents[depth - 1] if depth else place.parent
    files = sorted(root.rglob("*.py")) if depth else [place]
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(root)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _is_network_of(value: object, module: ModuleType) -> bool:
    return isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__
