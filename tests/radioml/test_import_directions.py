"""The rooms of the house: who may import whom, and what must run on a board's older Python."""

from __future__ import annotations

import ast

import pytest

from tests.repository import REPOSITORY

STAGES = ("training", "finn_build", "deploy")
FORBIDDEN = {
    "training": {"finn_build", "deploy"},
    "finn_build": {"training", "deploy"},
    "deploy": {"training", "finn_build"},
    "radioml": set(STAGES),
}
FILES = [
    path.relative_to(REPOSITORY).as_posix() for room in FORBIDDEN for path in sorted((REPOSITORY / room).rglob("*.py"))
]
COMMAND_LINE = "radioml/cli/"


def imports(tree: ast.AST) -> set[str]:
    """Top-level packages imported anywhere in the tree, by statement or by `import_module` of a literal."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names.add(node.args[0].value)
    return {name.split(".")[0] for name in names}


def module_level(tree: ast.Module) -> ast.Module:
    """The tree without function bodies and without what only type checkers see."""

    class Strip(ast.NodeTransformer):
        def visit_FunctionDef(self, node):
            return ast.Pass()

        visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

        def visit_If(self, node):
            return ast.Pass() if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)

    return Strip().visit(tree)


def violations(name: str, source: str) -> set[str]:
    """Packages that the file `name` (path from the root) imports and must not."""
    tree = ast.parse(source)
    if name.startswith(COMMAND_LINE):  # loads a stage, but only inside the command
        tree = module_level(tree)
    return imports(tree) & FORBIDDEN[name.split("/")[0]]


def test_every_room_is_looked_at():
    assert {name.split("/")[0] for name in FILES} == set(FORBIDDEN)


@pytest.mark.parametrize("name", FILES)
def test_imports_go_one_way(name):
    assert not violations(name, (REPOSITORY / name).read_text())


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
        ("radioml/cli/classify.py", "from deploy import classify", {"deploy"}),
        ("radioml/cli/classify.py", "def f():\n  from deploy import classify", set()),
        ("deploy/classify.py", "from radioml import split", set()),
    ],
)
def test_the_check_itself(name, source, found):
    assert violations(name, source) == found
