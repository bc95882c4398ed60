"""The build's cache, and the digest of the code that its keys hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finn_build.engine import sources
from finn_build.engine.sources import code_digest
from radioml.cache import Cache, content_key


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "file").write_text("content")
    return Cache(tmp_path, tmp_path / "receipts")


def test_a_result_is_found_by_its_key_alone(cache: Cache):
    cache.store("step", "key", ["made"], 7)
    receipt = cache.find("step", "key")
    assert (receipt.value, list(receipt.files)) == (7, ["made/file"])
    assert cache.find("step", "other") is None
    assert cache.find("other", "key") is None
    cache.forget("step")
    assert cache.find("step", "key") is None


@pytest.mark.parametrize("change", ["altered", "short", "gone"])
def test_a_changed_file_is_no_result(cache: Cache, change: str):
    cache.store("step", "key", ["made"])
    file = cache.folder / "made" / "file"
    if change == "gone":
        file.unlink()
    else:
        file.write_text("Content" if change == "altered" else "")
    assert cache.find("step", "key") is None


@pytest.mark.parametrize(
    "text", ["", "7", "[]", "{}", '{"key": "key", "files": 3}', '{"key": "key", "other": 1}', "\0"]
)
def test_a_damaged_receipt_is_no_result(cache: Cache, text: str):
    cache.store("step", "key")
    (receipt,) = (cache.folder / "receipts").iterdir()
    receipt.write_text(text)
    assert cache.find("step", "key") is None
    cache.store("step", "key")
    assert cache.find("step", "key")


def test_a_receipt_that_is_not_text(cache: Cache):
    cache.store("step", "key")
    (cache.folder / "receipts" / "step.json").write_bytes(b"\xff\xfe")
    assert cache.find("step", "key") is None


def test_a_value_is_made_once(cache: Cache):
    assert cache.value("depths", "key", lambda: {"a": 18}) == {"a": 18}
    again = Cache(cache.folder, cache.folder / "receipts")
    assert again.value("depths", "key", lambda: pytest.fail("made again")) == {"a": 18}
    assert again.value("depths", "other", lambda: {"a": 19}) == {"a": 19}


def test_a_key_is_of_values_and_their_places():
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})
    assert len({content_key(1, 2), content_key([1, 2]), content_key(12), content_key("1", 2)}) == 4


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own whose stage imports one module through another."""
    texts = {
        "room/__init__.py": '"""A room."""\n',
        "room/stage.py": "from room import step\n\ndef run():\n    import room.late\n    return step.value\n",
        "room/step.py": '"""A step."""\nfrom typing import TYPE_CHECKING\n'
        "if TYPE_CHECKING:\n    from room.types import Value\n\n"
        'def value():\n    """Of it."""\n    return 7  # why\n',
        "room/late.py": "x = 1\n",
        "room/types.py": "Value = int\n",
        "room/plots.py": "from room import stage\n",
        "room/layer.sv": "module layer; endmodule\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sources, "_ROOMS", ("room",))
    return tmp_path / "room"


def digest() -> str:
    for function in (sources._digest, sources._imports, sources._code, sources._path):
        function.cache_clear()
    return code_digest("room.stage")


@pytest.mark.parametrize(
    ("file", "old", "new", "counts"),
    [
        ("step.py", "return 7", "return 8", True),
        ("late.py", "x = 1", "x = 2", True),
        ("layer.sv", "module", "Module", True),
        ("__init__.py", "\n", "\nname = 1\n", True),
        ("stage.py", "return step.value", "return (step.value)", False),
        ("step.py", "# why", "# why not", False),
        ("step.py", '"""Of it."""', '"""Of that."""', False),
        ("step.py", "\n\n", "\n\n\n\n", False),
        ("types.py", "int", "float", False),
        ("plots.py", "stage", "late", False),
    ],
)
def test_only_code_that_can_change_the_result_counts(project, file, old, new, counts):
    before = digest()
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new))
    assert (digest() != before) == counts


def test_the_command_line_and_plots_change_no_build():
    found, waiting = set(), ["finn_build.stages.rtl"]
    while waiting:
        found.add(module := waiting.pop())
        waiting += sources._imports(module) - found
    assert {"finn_build.rtl.hdl", "finn_build.rtl_layers.max_pool", "radioml.contract.packing"} <= found
    assert not {module for module in found if module.startswith(("radioml.cli", "radioml.report", "finn_build.vivado"))}


def test_a_receipt_is_readable_json(cache: Cache):
    cache.store("step", "key", ["made"], {"seconds": 1.5})
    assert json.loads((cache.folder / "receipts" / "step.json").read_text())["value"] == {"seconds": 1.5}
