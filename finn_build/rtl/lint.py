"""How Verilator reads the accelerator's HDL."""

from __future__ import annotations

from finn_build.rtl.design import TOP

_QUIET = ("PINMISSING", "WIDTH", "LATCH", "INITIALDLY", "SELRANGE", "STMTDLY", "fatal")
"""Warnings that FINN's library causes: ports left open, assignments between widths, a latch that is a constant, delays
that only matter in simulation."""
READ_OPTIONS = ("--no-timing", *(f"-Wno-{name}" for name in _QUIET), "--top-module", TOP)
"""Verilator's options for the HDL, to lint or to simulate it."""
