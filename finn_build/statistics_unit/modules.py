"""The unit's module and those inside it."""

from __future__ import annotations

from pathlib import Path

MODULE = "statistics_unit"
PARTS = tuple(Path(__file__).with_name(name) for name in ("frame_gate.sv", "delay_line.sv", "result_queue.sv"))
"""SystemVerilog of the modules that are inside the unit's module."""
_SIGNALS = [f"{stream}_T{signal}" for stream in ("in0_V", "out0_V") for signal in ("DATA", "VALID", "READY")]
INSTANCE = f"{MODULE} impl ({', '.join(f'.{name}({name})' for name in ('ap_clk', 'ap_rst_n', *_SIGNALS))});"
"""Verilog of the module's instance in the wrapper that FINN's block design takes, whose ports have the same names."""
