"""SigMF recordings by hand, and what is read of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.sources.opening import Reading, open_source
from radioml.errors import RadioMLError

SAMPLES = 3 * 1024 + 200


def frames_of(path: Path, **options: Any) -> np.ndarray:
    source = open_source(str(path), Reading(normalise=False, **options))
    found = np.concatenate([block.iq for block in source.blocks])
    assert len(found) == source.frames
    return found


def starts_of(path: Path, **options: Any) -> list[int]:
    source = open_source(str(path), Reading(normalise=False, **options))
    return np.concatenate([block.tags["sample"] for block in source.blocks]).tolist()


def expected(integers: np.ndarray) -> np.ndarray:
    whole = len(integers) // 1024 * 1024
    return (integers[:whole] / 32768).astype(np.float32).reshape(-1, 1024, 2)


def write(
    folder: Path, data: bytes, captures: list[dict[str, Any]], datatype: str = "ci16_le", name: str = "r", **fields: Any
) -> Path:
    """A recording by hand; fields of `global` with _ for the colon."""
    whole = {"core:datatype": datatype, "core:version": "1.2.0", "core:sample_rate": 1e6}
    whole |= {key.replace("_", ":", 1): value for key, value in fields.items()}
    (folder / whole.get("core:dataset", f"{name}.sigmf-data")).write_bytes(data)
    path = folder / f"{name}.sigmf-meta"
    path.write_text(json.dumps({"global": whole, "captures": captures, "annotations": []}))
    return path


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(RadioMLError) as caught:
        frames_of(path, **options)
    return str(caught.value)
