from __future__ import annotations

from pathlib import Path

import pytest

from radioml.contract.history import Epoch, read_history, write_history
from radioml.files import write_json

OLD = [
    {"epoch": 1, "training_loss": 3.0, "validation_loss": 2.5, "validation_accuracy": 0.25},
    {"epoch": 2, "validation_accuracy": 0.5},
]


def test_a_file_as_it_was_is_read_and_written_again(tmp_path: Path):
    write_json(path := tmp_path / "old.json", OLD)
    assert read_history(path) == [Epoch(1, 3.0, 2.5, 0.25), Epoch(2, validation_accuracy=0.5)]
    write_history(tmp_path / "new.json", read_history(path))
    assert (tmp_path / "new.json").read_text() == path.read_text()


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '[{"epoch": "1"}]', "\xff"])
def test_a_damaged_history_is_no_history(content: str, tmp_path: Path):
    (tmp_path / "old.json").write_text(content, encoding="latin-1")
    assert read_history(tmp_path / "old.json") == [] == read_history(tmp_path / "none.json")
