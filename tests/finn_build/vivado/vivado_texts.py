"""Report texts after the formats that AMD documents (UG906, UG907, UG1393), with made-up numbers.

Vivado was not run for these texts: they test the parsers on the documented format, not the timing of a build.
"""

from __future__ import annotations

_RULE = "-" * 96
_TIMING = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
{rule}
| Tool Version      : Vivado v.2022.2 (lin64) Build 3671981 Fri Oct 14 04:59:54 MDT 2022
| Date              : Mon Jan  1 12:00:00 2024
| Command           : report_timing_summary -max_paths 10 -file top_wrapper_timing_summary_routed.rpt
| Design            : top_wrapper
| Device            : 7z020-clg400
| Speed File        : -1  PRODUCTION 1.12 2019-11-22
| Design State      : {state}
{rule}

Timing Summary Report

{rule}
| Timer Settings
| --------------
{rule}

  Enable Multi Corner Analysis               :  Yes

{rule}
| Design Timing Summary
| ---------------------
{rule}

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints  
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------  -------------------     --------     --------  ----------------------  --------------------  
{setup}  {hold}  {pulse}  


{verdict}


{rule}
| Clock Summary
| -------------
{rule}

Clock                          Waveform(ns)         Period(ns)      Frequency(MHz)
-----                          ------------         ----------      --------------
clk_fpga_0                     {{0.000 5.000}}        10.000          100.000         
  clk_out1_top_clk_wiz_0_0     {{0.000 {half:.3f}}}        {period:.3f}          {mhz:.3f}         
  clkfbout_top_clk_wiz_0_0     {{0.000 5.000}}        10.000          100.000         


{rule}
| Intra Clock Table
| -----------------
{rule}

Clock             WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints
-----             -------      -------  ---------------------  -------------------
clk_fpga_0        1.000        0.000                        0                  153
"""  # noqa: E501, W291


def timing(mhz: float = 100, setup: str = "0.521 0.000 0 19043", hold: str = "0.010 0.000 0 19043",
           pulse: str = "3.750 0.000 0 7893", state: str = "Routed") -> str:  # fmt: skip
    met = not any(part.split()[0].startswith("-") for part in (setup, hold, pulse))
    return _TIMING.format(
        rule=_RULE,
        state=state,
        verdict="All user specified timing constraints are met." if met else "Timing constraints are not met.",
        half=500 / mhz,
        period=1000 / mhz,
        mhz=mhz,
        **{name: "  ".join(f"{cell:>12}" for cell in cells.split())
           for name, cells in (("setup", setup), ("hold", hold), ("pulse", pulse))},
    )  # fmt: skip


SEVEN_SERIES = """Copyright 1986-2022 Xilinx, Inc. All Rights Reserved.
-----------------------------------------------------------------------
| Tool Version : Vivado v.2022.2 (lin64) Build 3671981 Fri Oct 14 04:59:54 MDT 2022
| Command      : report_utilization -file top_wrapper_utilization_placed.rpt
| Design       : top_wrapper
| Device       : xc7z020clg400-1
| Design State : Fully Placed
-----------------------------------------------------------------------

Utilization Design Information

1. Slice Logic
--------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| Slice LUTs                 | 24047 |     0 |          0 |     53200 | 45.20 |
|   LUT as Logic             | 22022 |     0 |          0 |     53200 | 41.39 |
|   LUT as Memory            |  2025 |     0 |          0 |     17400 | 11.64 |
|     LUT as Distributed RAM |  1578 |     0 |            |           |       |
| Slice Registers            | 41312 |     0 |          0 |    106400 | 38.83 |
+----------------------------+-------+-------+------------+-----------+-------+

3. Memory
---------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    | 12.5 |     0 |          0 |       140 |  8.93 |
|   RAMB36/FIFO*    |   10 |     0 |          0 |       140 |  7.14 |
|     RAMB36E1 only |   10 |       |            |           |       |
|   RAMB18          |    5 |     0 |          0 |       280 |  1.79 |
+-------------------+------+-------+------------+-----------+-------+
* Note: Each Block RAM Tile only has one FIFO logic available

4. DSP
------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |   24 |     0 |          0 |       220 | 10.91 |
|   DSP48E1 only |   24 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+
"""

ULTRASCALE = """-----------------------------------------------------------------------
| Tool Version : Vivado v.2024.2 (lin64) Build 5239630 Fri Nov 08 22:34:34 MST 2024
| Device       : xczu7ev-ffvc1156-2-e
-----------------------------------------------------------------------

Utilization Design Information

1. CLB Logic
------------

+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| CLB LUTs                   | 63563 |     0 |          0 |    230400 | 27.59 |
| CLB Registers              | 81000 |     0 |          0 |    460800 | 17.58 |
|   Register as AND/OR       |     2 |     2 |          0 |    460800 | <0.01 |
+----------------------------+-------+-------+------------+-----------+-------+

3. BLOCKRAM
-----------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |    4 |     0 |          0 |       312 |  1.28 |
|   RAMB36/FIFO*    |    3 |     0 |          0 |       312 |  0.96 |
|   RAMB18          |    2 |     0 |          0 |       624 |  0.32 |
| URAM              |    1 |     0 |          0 |        96 |  1.04 |
+-------------------+------+-------+------------+-----------+-------+

4. ARITHMETIC
-------------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |  832 |     0 |          0 |      1728 | 48.15 |
+----------------+------+-------+------------+-----------+-------+
"""

POWER = """| Tool Version     : Vivado v.2022.2 (lin64) Build 3671981 Fri Oct 14 04:59:54 MDT 2022

1. Summary
----------

+--------------------------+--------------+
| Total On-Chip Power (W)  | 2.345        |
| Design Power Budget (W)  | Unspecified* |
| Dynamic (W)              | 2.201        |
| Device Static (W)        | 0.144        |
| Effective TJA (C/W)      | 11.5         |
+--------------------------+--------------+
"""

_XCLBIN = """==============================================================================
XRT Build Version: 2.14.384 (2022.2)
==============================================================================
xclbin Information
------------------
   Generated by:           v++ (2022.2) on 2022-10-13-17:52:11
   Version:                2.14.384
   Kernels:                idma0, StreamingDataflowPartition_1, odma0
==============================================================================
Clocks
------
   Name:      DATA_CLK
   Index:     0
   Type:      DATA
   Frequency: {mhz:g} MHz

   Name:      KERNEL_CLK
   Index:     1
   Type:      KERNEL
   Frequency: 500 MHz

System Diagnostics
------------------
"""


def xclbin_info(mhz: float = 250) -> str:
    return _XCLBIN.format(mhz=mhz)


_ROW = '<tablerow suppressoutput="0" wordwrap="0">{}</tablerow>'
_HEADER = ("Instance", "Module", "Total LUTs", "Logic LUTs", "LUTRAMs", "SRLs", "FFs", "RAMB36", "RAMB18", "URAM",
           "DSP Blocks")  # fmt: skip


def hierarchy(*instances: tuple[str, int]) -> str:
    """XML of `report_utilization -hierarchical`: instances and their LUTs; other numbers follow from them."""
    rows = [_ROW.format("".join(f'<tableheader contents="{name}"/>' for name in _HEADER))]
    for name, luts in instances:
        cells = (name, "(top)", luts, luts, 0, 0, 2 * luts, 3, 2, 0, 24)
        rows.append(_ROW.format("".join(f'<tablecell contents="{cell}"/>' for cell in cells)))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<RptDoc title="Utilization Report">'
        f'<section title="Utilization by Hierarchy"><table>{"".join(rows)}</table></section></RptDoc>\n'
    )
