"""Digest of the code that a result depends on: the modules that made it, and nothing else of the project."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_ROOMS = ("radioml", "training", "finn_build")
_OTHER_SOURCES = (".sv", ".v", ".cpp")
"""Files that belong to the modules in their folder."""
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def code_digest(module: str) -> str:
    """SHA-256 of a module's code and of all modules of this project that it imports, at any depth.

    Comments, docstrings and layout do not count, and neither do imports for type checkers alone.
    """
    found = {module}
    waiting = [module]
    while waiting:
        new = _imports(waiting.pop()) - found
        found |= new
        waiting += new
    return hashlib.sha256("".join(map(_digest, sorted(found))).encode()).hexdigest()


@cache
def _digest(module: str) -> str:
    path = _file(module)
    digest = hashlib.sha256(f"{module}\n{ast.dump(_code(path))}".encode())
    for other in sorted(file for file in path.parent.iterdir() if file.suffix in _OTHER_SOURCES):
        digest.update(other.name.encode() + other.read_bytes())
    return digest.hexdigest()


@cache
def _imports(module: str) -> frozenset[str]:
    """Modules of this project that a module imports, in functions too, with the packages that they lie in."""
    names: set[str] = set()
    for node in ast.walk(_code(_file(module))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(parent for name in names if _path(name) for parent in _with_packages(name))


def _with_packages(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))


@cache
def _code(path: Path) -> ast.Module:
    """The module without docstrings and without what only type checkers see."""
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    return tree


def _file(module: str) -> Path:
    if (path := _path(module)) is None:
        raise ModuleNotFoundError(f"{module}: no module of this project")
    return path


@cache
def _path(name: str) -> Path | None:
    """The file of a module of this project; None for a name that is none."""
    room, *parts = name.split(".")
    if room not in _ROOMS:
        return None
    spec = find_spec(room)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place, *parts)
        for file in (path / "__init__.py", path.with_suffix(".py")):
            if file.is_file():
                return file
    return None
