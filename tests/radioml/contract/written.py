"""The JSON files of a run, as earlier versions of the commands wrote them."""

from __future__ import annotations

from typing import Any

from radioml.contract.accuracy import DriverAccuracy, EvaluationReport, TrainedMetrics
from radioml.contract.all_pairs import AllPairs
from radioml.contract.implementation import Implementation
from radioml.contract.json_record import JsonRecord
from radioml.contract.ladder import LadderReport
from radioml.contract.pruning import PruningReport
from radioml.contract.score import Score
from radioml.contract.search import SearchReport
from radioml.contract.simulation import GoldenSimulation, SimulationReport
from radioml.contract.speed import BenchReport, ThroughputReport
from radioml.contract.stream_report import StreamReport
from radioml.contract.synthesis import Synthesis

SIMULATION: dict[str, Any] = {
    "kind": "simulated RTL", "reference": "Brevitas", "data": "synthetic, seed 0", "frames": 10,
    "mismatching_frames": 1,
    "first_mismatch": {"frame": 3, "class": "8PSK", "snr_db": -2, "logit": "QPSK", "expected": 7, "found": -1},
    "cycles_per_frame": 128, "estimated_cycles_per_frame": 128, "latency_cycles": 1000, "latency_us": 4.0,
    "board": "ZCU104", "clock_mhz": 250.0, "frames_per_second": 2e6, "simulated_cycles": 4000, "seconds": 0.125,
    "simulated_cycles_per_second": 32000,
}  # fmt: skip


def rung(name: str, layers: list[str], difference: dict[str, Any] | None = None) -> dict[str, Any]:
    """A rung of verify.json."""
    return {
        "name": name, "kind": "Verilator", "equal": difference is None, "mismatching_frames": int(bool(difference)),
        "first_difference": difference, "problem": "", "layers_compared": layers, "levels_mended_later": 0,
        "seconds": 1.25,
    }  # fmt: skip


LADDER: dict[str, Any] = {
    "reference": "Brevitas", "data": "synthetic data (seed 0)", "frames": 26, "layers": 2, "classes": 24, "snrs": 26,
    "equal": False, "rtl": True, "first_rung_that_differs": "RTL, random stalls",
    "rungs": [
        rung("QONNX", []),
        rung("RTL, back to back", ["a", "b"]),
        rung("RTL, random stalls", ["b"], {
            "layer": "b", "node": "Thresholding_rtl_1", "frame": 5, "class": "FM", "snr_db": 30,
            "element": "channel 1, pixel 2", "index": [1, 2], "expected": 3, "found": 2.5,
        }),
    ],
}  # fmt: skip
COUNTS = {"LUT": 1234, "FF": 5, "BRAM_18K": 0, "URAM": 0, "DSP": 0}
SYNTHESIS: dict[str, Any] = {
    "kind": "synthesised by Yosys, not Vivado", "caveats": ["no timing is known"], "tool": "Yosys 0.55 (synth_xilinx)",
    "board": "ZCU104", "part": "xczu7ev",
    "layers": [{
        "name": "MVAU_rtl_0", "resources": COUNTS, "estimated": {"LUT": 1200},
        "cells": {"LUT6": 1234, "FDRE": 5}, "seconds": 2.5,
    }],
    "total": COUNTS, "estimated": {"LUT": 1200},
}  # fmt: skip
IMPLEMENTATION: dict[str, Any] = {
    "kind": "implemented", "tool": "Vivado v.2022.2", "board": "Pynq-Z2", "part": "xc7z020clg400-1", "clock_mhz": 100.0,
    "timing_met": True, "utilisation": {"LUT": {"used": 24047, "available": 53200}},
    "instances": {"top": {"LUT": 24047}}, "power_w": {"total": 2.345}, "clocks_mhz": {"clk_out1": 100.0},
    "timing": {"setup": {"worst_slack_ns": 0.521, "total_slack_ns": 0.0, "failing": 0, "endpoints": 90}},
}  # fmt: skip
SCORE: dict[str, Any] = {
    "score": 0.25, "conservative": 0.5, "strictest": 0.75, "valid": True, "bit_ops": 400, "bit_mem": 8,
    "layers": [{
        "layer": "Conv_0", "operation": "Conv", "input_type": "INT8", "weight_type": "UINT2", "input_bits": 8,
        "weight_bits": 2, "macs": 25.0, "bit_ops": 400.0, "bit_mem": 8.0,
    }],
    "fixed_filters": [{
        "tensor": "Add_0_out0", "outputs": 16, "terms": 3, "bit_ops": 9, "bit_mem": 6, "strictest_bit_ops": 12,
        "strictest_bit_mem": 8,
    }],
    "zero_cost": {"Relu": 3}, "unsupported": {},
}  # fmt: skip
AT_THE_CLOCK: dict[str, Any] = {
    "board": "ZCU104", "figures": "simulated: cycles counted in RTL simulation at the board's clock",
    "clock_mhz": 250.0, "cycles_per_frame": 128, "counted_in": "the build", "cycles_per_frame_of_the_build": 128,
    "frames_per_second": 1953125.0, "latency_cycles": 1000, "latency_microseconds": 4.0,
}  # fmt: skip
BENCH: dict[str, Any] = {
    "backend": "pynq", "figures": "measured on ZCU104", "runs_on": "board", "board": "ZCU104", "target": None,
    "model_sha256": "0123", "golden_frames_equal": 26, "frames": {"kind": "synthetic", "seed": 2018}, "problem": "",
    "clock": {"manifest_mhz": 250.0, "read_back_mhz": 249.9975, "agrees": True},
    "latency_of_one_frame": {
        "repeats": 9, "median_seconds": 0.001, "quantile_99_seconds": None, "maximum_seconds": 0.002,
    },
    "batches": [{
        "frames": 1, "repeats": 9, "seconds": 0.001, "frames_per_second": 1000.0,
        "frames_per_second_without_quantising": 1100.0, "parts_seconds": {"pack": 1e-5, "accelerator": None},
        "overlapped_seconds": 0.0, "exposed_host_seconds": None, "cpu_seconds": 0.0009,
    }],
    "streaming": {"batch": 256, "frames": 0, "frames_per_second": None}, "at_the_clock": AT_THE_CLOCK,
}  # fmt: skip
THROUGHPUT: dict[str, Any] = {
    "backend": "simulation", "frames": 10, "host": {"seconds": 2.0, "frames_per_second": 5.0}, "board": AT_THE_CLOCK,
}  # fmt: skip
SHARE: dict[str, Any] = {"accuracy": 0.5, "low": 0.4, "high": 0.6, "correct": 312, "frames": 624}
NONE: dict[str, Any] = {"accuracy": None, "low": 0.0, "high": 1.0, "correct": 0, "frames": 0}
MEASURED: dict[str, Any] = {
    "overall": SHARE, "over": "all classes and SNRs", "at_30_db": NONE, "per_snr_db": {"-20": SHARE, "30": NONE},
    "per_class": {"OOK": SHARE}, "classes": ["OOK", "4ASK"], "confusion": [[1, 0], [2, 3]],
    "confusion_per_snr": {"-20": [[1, 0], [2, 3]]},
}  # fmt: skip
TRAINING_DATA: dict[str, Any] = {"kind": "synthetic", "identity": "generator 1, seed 1", "sha256": "0123"}
PART: dict[str, Any] = {"kind": "synthetic", "identity": "generator 1, seed 2", "part": "test"}
METRICS: dict[str, Any] = {"data": TRAINING_DATA, **MEASURED}
EVALUATION: dict[str, Any] = {
    "subject": "checkpoint", "arithmetic": "Brevitas", "data": PART, "training_data": TRAINING_DATA, "caution": None,
    "frames": 624, "frames_requested": 624, "unusable_frames": 0, "problem": "", "warnings": ["a high level"],
    "seconds": 1.5, **MEASURED,
}  # fmt: skip
ACCURACY: dict[str, Any] = {
    "backend": "simulation", "board": "ZCU104", "model_sha256": "0123", "data": PART, "frames": 624,
    "frames_requested": 624, "problem": "", "warnings": [], "unusable_frames": [7], "golden_frames_equal": 26,
    "clipped_samples": 0, "samples": 1277952, "training_data": TRAINING_DATA,
    "accuracy_of_the_trained_network": {
        "overall": 0.5, "over": "all classes and SNRs", "interval_95": [0.4, 0.6], "frames": 9, "data": "d",
    },
    "expectation": {"comparable": True, "met": True, "reason": "within chance"}, **MEASURED,
}  # fmt: skip
ALL_PAIRS: dict[str, Any] = {
    "kind": "estimated, untrained weights", "margin_percent": 20, "seconds": 9.5,
    "networks": {"polyphase": {
        "network": "polyphase", "problem": "", "rtl_problem": "", "remark": "", "sha256": "0123", "failed": False,
    }},
    "boards": {"ZCU104": 250.0},
    "cells": [{
        "network": "polyphase", "board": "ZCU104", "verdict": "fits", "reason": "", "cycles": 128,
        "frames_per_second": 1953125.0, "LUT": 9, "BRAM_18K": 2, "URAM": 0, "DSP": 1, "limit": "goal met",
        "seconds": 0.5,
    }],
}  # fmt: skip
PRUNING: dict[str, Any] = {
    "method": "layer", "kept": {"epoch": 1, "sparsity": 0.5, "accuracy": 0.625, "rank": 1.625},
    "epochs": [
        {"epoch": 0, "sparsity": 0.0, "accuracy": 0.75, "rank": 0.75},
        {"epoch": 1, "sparsity": 0.5, "accuracy": 0.625, "rank": 1.625},
    ],
}  # fmt: skip
SEARCH: dict[str, Any] = {
    "study": "small", "data": "validation part of synthetic data",
    "trials": [
        {
            "trial": 0, "state": "complete", "on_front": True, "score": 0.25, "validation_accuracy": 0.5,
            "values": {"parameters.channels.0": 8, "training.learning_rate": 0.01, "parameters.kind": "a"},
            "run": "runs/search/small/trial-0", "reason": None,
        },
        {
            "trial": 1, "state": "pruned", "on_front": False, "score": None, "validation_accuracy": None,
            "values": {}, "run": None, "reason": "no network",
        },
    ],
}  # fmt: skip
STREAM: dict[str, Any] = {
    "source": "capture.cf32", "frames": 4, "classes": {"QPSK": 2, "FM": 1}, "without_class": {"no signal": 1},
    "clipped_values": 3, "left_over": "5 samples", "accelerator_frames_per_second": 1000.5,
    "warnings": ["a high level"], "problem": "",
}  # fmt: skip
WRITTEN: dict[type[JsonRecord], dict[str, Any]] = {
    GoldenSimulation: {"cycles_per_frame": 128, "latency_cycles": 900, "frames": 26},
    TrainedMetrics: METRICS,
    EvaluationReport: EVALUATION,
    DriverAccuracy: ACCURACY,
    Score: SCORE,
    SimulationReport: SIMULATION,
    LadderReport: LADDER,
    Synthesis: SYNTHESIS,
    Implementation: IMPLEMENTATION,
    BenchReport: BENCH,
    ThroughputReport: THROUGHPUT,
    AllPairs: ALL_PAIRS,
    PruningReport: PRUNING,
    SearchReport: SEARCH,
    StreamReport: STREAM,
}
"""Record -> its file."""
