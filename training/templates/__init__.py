"""What `radioml init` writes: an experiment and a network of one's own to begin with."""

from __future__ import annotations

import re
from pathlib import Path

from radioml.errors import RadioMLError
from radioml.files import write_text

_HERE = Path(__file__).parent
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
CLASS = "Network"
"""The class in the network's file."""


def write_templates(name: str, folder: Path, topology: bool) -> list[Path]:
    """Write `name`.yaml and, for a topology of one's own, `name`.py into a folder; returns what was written.

    Raises RadioMLError for a name that a run directory cannot have, and for files that exist already.
    """
    if not _NAME.fullmatch(name):
        raise RadioMLError(f"{name!r}: a name has letters, digits, dots, hyphens and underscores")
    texts = {folder / f"{name}.yaml": (_HERE / "experiment.yaml").read_text(encoding="utf-8")}
    which = "topology: polyphase   # `radioml models list` names them all; or FILE.py:CLASS, code of your own\n"
    parameters = "parameters:\n  channels: [32, 32, 48, 48, 64]   # training/models/polyphase.py says what there is\n"
    if topology:
        which = f"topology: {name}.py:{CLASS}   # the class in the file beside this one\n"
        parameters = "parameters:   # the arguments of its constructor\n  channels: [16, 16, 32]\n"
        texts[folder / f"{name}.py"] = (_HERE / "network.py").read_text(encoding="utf-8")
    for path, text in texts.items():
        if path.exists():
            raise RadioMLError(f"{path} exists already; choose another name")
        texts[path] = text.replace("NAME", name).replace("TOPOLOGY\n", which).replace("PARAMETERS\n", parameters)
    for path, text in texts.items():
        write_text(path, text)
    return list(texts)
