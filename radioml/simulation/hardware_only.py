"""Whether HDL describes hardware alone: the sources of a package are compiled and run on the machine that opens it.

SystemVerilog can call C functions (DPI) and start programs ($system); Verilator also takes C++ in the text ($c,
`systemc_header). See "Language Extensions" in Verilator's manual. FINN's library and this project's layers use none of
these. The text is searched as it stands, comments included, so that no trick with comments or macros helps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from radioml.errors import RadioMLError

_SYSTEM_NAMES = frozenset({
    "bits", "clog2", "display", "error", "fatal", "fclose", "finish", "fopen", "fwrite", "high", "info", "isunknown",
    "left", "low", "readmemh", "right", "sformatf", "signed", "size", "stop", "time", "unsigned", "warning", "write",
})  # fmt: skip
"""System tasks and functions. The harness opens files, only those of the data folder, only for reading."""
_DIRECTIVES = frozenset(["default_nettype", "else", "elsif", "endif", "ifdef", "ifndef", "timescale"])
_USED = re.compile(r'\$(?P<system>[A-Za-z_][\w$]*)|`(?P<directive>\w*)|"(?P<foreign>DPI)')


def check_hardware_only(folder: Path, names: Iterable[str]) -> None:
    """Raise RadioMLError for a source that calls foreign code, starts programs, or uses a macro or an include."""
    for name in names:
        try:
            text = (folder / name).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise RadioMLError(f"{name}: not UTF-8 text: {error}; build it again") from error
        for match in _USED.finditer(text):
            if match["system"] in _SYSTEM_NAMES or match["directive"] in _DIRECTIVES:
                continue
            line = text.count("\n", 0, match.start()) + 1
            raise RadioMLError(
                f"{name}, line {line}: {match[0]!r} does more than describe hardware, so it is refused; "
                f"allowed are ${', $'.join(sorted(_SYSTEM_NAMES))}, and `{', `'.join(sorted(_DIRECTIVES))}"
            )
