"""Rooms and floors: who may import whom, and which files must run in a board's older Python."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.repository import REPOSITORY

STAGES = ("training", "finn_build", "deploy")
FORBIDDEN = {
    "training": {"finn_build", "deploy"},
    "finn_build": {"training", "deploy"},
    "deploy": {"training", "finn_build"},
    "radioml": set(STAGES),
}
FLOORS = {
    "radioml": """
        constants errors io_dma processes progress run_directory shipped suggest temporary
        reading
        doctor files network
        cache contract
        data
        foreign report simulation
        cli
        __main__
    """,
    "radioml.cli": """
        console options
        commands
    """,
    "training": """
        cost
        models
        templates trained
        data
        techniques
        experiments
        challenge loop
        search
    """,
    "finn_build": """
        boards graph statistics_unit
        rtl_layers
        engine folding rtl
        estimate steps synthesis vivado
        model_check verify
        ecp5 exploration
        stages
        build
    """,
    "deploy": """
        accelerator sources
        backends checks pipeline rows
        opening simulated
        bench classify stream
        expectation
        results
        bench_results
    """,
}
"""Room, or a wing with wings of its own -> its wings (folders, and files beside them), a floor a line, lowest first.

A wing imports only from floors below its own. A new wing goes on the lowest floor that is above all that it imports.
"""
COMMAND_LINE = "radioml/cli/"


def paths(package: str) -> list[str]:
    folder = REPOSITORY / package.replace(".", "/")
    return [path.relative_to(REPOSITORY).as_posix() for path in sorted(folder.rglob("*.py"))]


FILES = [name for room in FORBIDDEN for name in paths(room)]


def imports(tree: ast.AST) -> set[str]:
    """Dotted names imported anywhere in the tree, by statement or by `import_module` of a literal.

    `from a.b import c` gives both a.b and a.b.c, which may be a module or not.
    """
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(node.args[0].value)
    return names


def module_level(tree: ast.Module) -> ast.Module:
    """The tree without function bodies and without what only type checkers see."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node):
            return ast.Pass()

        visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

        def visit_If(self, node):
            return ast.Pass() if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)

    return Strip().visit(tree)


@cache
def imported(name: str, source: str) -> set[str]:
    """Imports of the file `name` (path from the root); of a command without its functions, which load a stage."""
    tree = ast.parse(source)
    return imports(module_level(tree) if name.startswith(COMMAND_LINE) else tree)


def violations(name: str, source: str) -> set[str]:
    """Rooms that the file `name` imports and must not."""
    return {module.split(".")[0] for module in imported(name, source)} & FORBIDDEN[name.split("/")[0]]


def wing(module: str, package: str) -> str:
    """The wing of a package's module: of `finn_build.rtl.hdl` in `finn_build` `rtl`, and "" for any other module."""
    return module.removeprefix(f"{package}.").split(".")[0] if module.startswith(f"{package}.") else ""


def floors(package: str) -> dict[str, int]:
    """Wing -> number of its floor."""
    lines = FLOORS[package].split("\n")
    return {name: number for number, line in enumerate(lines) for name in line.split()}


def stairs(name: str, source: str) -> set[str]:
    """Wings of its own room (or wing) that the file `name` imports and that are not below its own wing."""
    found = set()
    for package in FLOORS:
        floor, own = floors(package), wing(module_of(name), package)
        used = {wing(module, package) for module in imported(name, source)} & set(floor) - {own}
        found |= {other for other in used if own and floor[other] >= floor[own]}
    return found


def module_of(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def circle(sources: dict[str, str]) -> list[str]:
    """Modules that import each other in a circle, of files with these sources; [] without a circle."""
    modules = {module_of(name) for name in sources}
    graph = {
        module_of(name): {other for other in imported(name, source) if other in modules} - {module_of(name)}
        for name, source in sources.items()
    }
    for users in graph.values():  # `from package import module` uses the module, not the package
        users -= {user for user in users if any(other.startswith(f"{user}.") for other in users)}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_every_room_is_looked_at():
    assert {name.split("/")[0] for name in FILES} == set(FORBIDDEN) == {package.split(".")[0] for package in FLOORS}


@pytest.mark.parametrize("name", FILES)
def test_imports_go_one_way(name):
    source = (REPOSITORY / name).read_text()
    assert not violations(name, source)
    assert not stairs(name, source), "not below; see FLOORS"


@pytest.mark.parametrize("package", FLOORS)
def test_every_wing_has_one_floor_and_every_floor_is_needed(package):
    wings = {wing(module_of(name), package) for name in paths(package)} - {""}
    assert sorted(FLOORS[package].split()) == sorted(wings), "see FLOORS"


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_files_import_each_other_in_a_circle(room):
    assert not circle({name: (REPOSITORY / name).read_text() for name in paths(room)})


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("radioml/", "deploy/"))])
def test_what_runs_on_the_board_is_python_3_10(name):
    ast.parse((REPOSITORY / name).read_text(), feature_version=(3, 10))


def test_newer_syntax_is_noticed():
    with pytest.raises(SyntaxError):
        ast.parse("try:\n    pass\nexcept* ValueError:\n    pass\n", feature_version=(3, 10))


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("training/fit.py", "import deploy.classify", {"deploy"}),
        ("finn_build/flow.py", "def f():\n  from training.models import registry", {"training"}),
        ("radioml/data/split.py", "def f():\n  import finn_build", {"finn_build"}),
        ("radioml/data/split.py", "import importlib\nimportlib.import_module('deploy.classify')", {"deploy"}),
        ("radioml/cli/commands/classify.py", "from deploy import classify", {"deploy"}),
        ("radioml/cli/commands/classify.py", "def f():\n  from deploy import classify", set()),
        ("deploy/classify.py", "from radioml import split", set()),
    ],
)
def test_the_check_of_rooms_itself(name, source, found):
    assert violations(name, source) == found


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("finn_build/rtl/readme.py", "from finn_build.estimate.table import table", {"estimate"}),
        ("finn_build/rtl/readme.py", "from finn_build import estimate", {"estimate"}),
        ("finn_build/boards.py", "def f():\n  import finn_build.build", {"build"}),
        ("finn_build/engine/record.py", "from finn_build.folding.folding import digest", {"folding"}),
        ("finn_build/vivado/reports.py", "from finn_build.rtl.hdl import generate_hdl", set()),
        ("finn_build/vivado/reports.py", "from finn_build.vivado import implementation", set()),
        ("training/models/vgg.py", "import training.search.study", {"search"}),
        ("deploy/backends/pynq.py", "from deploy.simulated.board import Board", {"simulated"}),
        ("radioml/data/dataset.py", "from radioml.report import plots", {"report"}),
        ("radioml/files.py", "from radioml import files, errors", set()),
        ("radioml/cli/console/terminal.py", "from radioml.cli.commands.build import build", {"commands"}),
        ("radioml/cli/commands/build.py", "from radioml.cli.console.terminal import give", set()),
    ],
)
def test_the_check_of_floors_itself(name, source, found):
    assert stairs(name, source) == found


def test_the_check_of_circles_itself():
    sources = {
        "a/__init__.py": "",
        "a/one.py": "from a import two",
        "a/two.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  from a.three import C",
        "a/three.py": "import a.four",
    }
    assert circle({**sources, "a/four.py": "from a.other import x"}) == []
    assert set(circle({**sources, "a/four.py": "def f():\n  from a.one import g"})) == {
        "a.one",
        "a.two",
        "a.three",
        "a.four",
    }
