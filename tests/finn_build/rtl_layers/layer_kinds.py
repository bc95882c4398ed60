"""All layers of ours: random units of each, and planted faults, each of which is to be seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.finn_build.rtl_layers.affine_units import Dense, Thresholds
from tests.finn_build.rtl_layers.layer_bench import PAUSES, Bench, Fault, Unit
from tests.finn_build.rtl_layers.stream_units import Concat, Fork, Product, Sum, Table
from tests.finn_build.rtl_layers.window_units import Accumulate, Bias, Depthwise, Pool, WindowSum

KINDS = (Fork, Sum, Product, Table, Concat, Bias, Accumulate, WindowSum, Pool, Depthwise, Thresholds, Dense)
FAULTS: dict[Unit, Fault] = {
    Fork(3, 2, 5, "offers_twice"): ("duplicate_streams", "{N{s_axis_tvalid}} & ~Taken", "{N{s_axis_tvalid}}"),
    Fork(3, 2, 5, "leaves_early"): ("duplicate_streams", "s_axis_tready = &taken", "s_axis_tready = |taken"),
    Sum(2, (5, 9), (True, False), (7, -3), "off_by_one"): ("stream_sum", "A1[i] + B1[i]", "A1[i] + B1[i] + 1"),
    Sum(2, (5, 9), (True, True), (7, 3), "one_factor"): ("stream_sum", "OUT_WIDTH'(B_FACTOR)", "OUT_WIDTH'(A_FACTOR)"),
    Sum(2, (5, 9), (True, True), (7, 3), "takes_alone"): (
        "stream_sum", "{moves && s_axis_tvalid[0], moves && s_axis_tvalid[1]}", "{moves, moves}",
    ),
    Concat(2, (3, 2), (5, 7), (False, True), "one_word_more"): ("stream_concat", "WORDS[Stream] - 1", "WORDS[Stream]"),
    Concat(2, (3, 2), (5, 7), (False, True), "without_sign"): ("stream_concat", "IS_SIGNED[n]?", "0?"),
    Concat(2, (3, 2), (5, 7), (False, True), "loses_words"): (
        "stream_concat", "free = !Valid || m_axis_tready", "free = 1",
    ),
    Accumulate(5, 3, 2, 6, True, "one_pixel_less"): ("accumulate_pool", "Pixel == PIXELS-1", "Pixel == PIXELS-2"),
    Accumulate(5, 3, 2, 6, True, "never_begins"): ("accumulate_pool", "first? OUT_WIDTH'(0) :", "0? OUT_WIDTH'(0) :"),
    Accumulate(5, 3, 2, 6, True, "overwrites_sums"): ("accumulate_pool", "!last || !Valid || m_axis_tready", "1"),
    Depthwise(2, 3, 2, 3, 6, False, 6, 1, module="next_weights"): (
        "depthwise_unit", "Memory[Address]", "Memory[(Address + 1) % DEPTH]",
    ),
    Depthwise(2, 3, 2, 3, 6, False, 6, 1, module="misses_a_word"): ("depthwise_unit", "Count == 0}", "Count == 1}"),
    Depthwise(2, 3, 2, 3, 6, True, 6, 1, module="without_a_sign"): ("depthwise_unit", "IN_SIGNED? ", "0? "),
    Depthwise(2, 3, 2, 3, 6, True, 6, 1, module="drops_results"): (
        "depthwise_unit", "moves = !Valid || m_axis_tready", "moves = 1",
    ),
    Product(2, (5, 9), (True, False), "one_more"): ("stream_product", "P <= A * B", "P <= A * B + 1"),
    Product(2, (5, 9), (True, True), "a_without_sign"): ("stream_product", "A_SIGNED && a[A_WIDTH-1]", "1'b0"),
    Product(2, (5, 9), (True, True), "product_alone"): (
        "stream_product", "{moves && s_axis_tvalid[0], moves && s_axis_tvalid[1]}", "{moves, moves}",
    ),
    Table(3, 2, 5, 6, True, 1, module="one_too_far"): (
        "function_table", "first | s_axis_tdata[i*IN_WIDTH +: IN_WIDTH]",
        "first | IN_WIDTH'(s_axis_tdata[i*IN_WIDTH +: IN_WIDTH] + 1)",
    ),
    Table(3, 2, 5, 6, True, 1, module="one_word_late"): ("function_table", "Word == WORDS-1?", "Word == WORDS-2?"),
    Table(1, 2, 5, 6, True, 1, module="reads_all_the_time"): (
        "function_table", "moves = !Valid[1] || m_axis_tready", "moves = 1",
    ),
    WindowSum(6, 1, 2, 6, True, "one_word_less"): ("accumulate_pool", "Pixel == PIXELS-1", "Pixel == PIXELS-2"),
    Pool(5, 2, 4, False, "one_word_longer"): ("max_pool", "last = Count == K-1", "last = Count == K"),
    Pool(2, 4, 4, False, "minimum"): ("max_pool", "above = x > ", "above = x < "),
    Pool(3, 3, 5, True, "unsigned_only"): ("max_pool", "$signed(x) > $signed(Highest[i])", "x > Highest[i]"),
    Pool(2, 4, 4, False, "overwrites_maxima"): ("max_pool", "!last || !Valid || m_axis_tready", "1"),
    Pool(3, 3, 5, False, "begins_late"): ("max_pool", "first || above?", "above?"),
    **{
        Thresholds(6, 3, 2, 2, 1, 9, True, 4, 1, module=name): ("pixel_thresholds", old, new)
        for name, old, new in (
            ("above_alone", "X[2*s] >= Threshold", "X[2*s] > Threshold"),
            ("inner_set_longer", "LAST + 1 < PIXELS", "LAST < PIXELS"),
            ("first_set_longer", "Pixel >= FIRST &&", "Pixel + 1 >= FIRST &&"),
            ("one_word_back", "fold_t'(WORDS - 1)", "fold_t'(WORDS)"),
            ("zero_extended_x", "IN_SIGNED?", "0?"),
            ("drops_levels", "moves = !Valid[DEPTH-1] || m_axis_tready", "moves = 1"),
        )
    },
    **{
        Dense(4, 3, 1, 2, 12, True, 40, 1, module=name): ("wide_dense", old, new)
        for name, old, new in (
            ("one_too_many", "Total <= total;", "Total <= total + 1;"),
            ("weights_of_next", "Memory[Address]", "Memory[(Address + 1) % DEPTH]"),
            ("short_limb", "<<< l*LIMB", "<<< l*(LIMB-1)"),
            ("old_inputs", ": Inputs[Count]", ": Inputs[0]"),
            ("sums_go_on", "First[STAGES-1]? sum_t'(0)", "0? sum_t'(0)"),
            ("drops_sums", "moves = !Valid || m_axis_tready", "moves = 1"),
        )
    },
    Bias(6, 4, 10, True, "one_for_all"): ("channel_bias", "biases[i] + ", "biases[0] + "),
    Bias(6, 4, 10, True, "next_bias"): ("channel_bias", "Word == WORDS-1?", "Word == WORDS-2?"),
    Bias(6, 4, 10, True, "zero_extended"): (
        "channel_bias", "IN_SIGNED? OUT_WIDTH'($signed(x)) : OUT_WIDTH'(x)", "OUT_WIDTH'(x)",
    ),
}  # fmt: skip
"""Units with one change to the text of their module, under another name."""


def random_units(cases: int, first: int = 0) -> list[Unit]:
    """`cases` units of each kind, of random shapes, widths and foldings; first: number of the first case."""
    return [kind.random(np.random.default_rng([7, number])) for kind in KINDS for number in range(first, first + cases)]


def bench_of(folder: Path, units: list[Unit], faults: dict[Unit, Fault]) -> Bench:
    """A bench of units whose data files lie in its folder."""

    def placed(unit: Unit) -> Unit:
        return replace(unit, folder=folder) if isinstance(unit, (Depthwise, Table, Thresholds, Dense)) else unit

    return Bench(folder, [placed(unit) for unit in units], {placed(unit): fault for unit, fault in faults.items()})


def without_a_gap(unit: Unit, last: int) -> bool:
    """Whether the last result comes after the last word by exactly the layer's latency."""
    words = sum(port.words for port in unit.inputs()) if isinstance(unit, Concat) else unit.inputs()[0].words
    return bool(last == words - 1 + unit.latency)


def sound_units(bench: Bench) -> set[Unit]:
    """Units that give what NumPy says, at a word a cycle and under all mixes of pauses."""
    sound = {
        unit
        for unit, outputs in bench.stream(4, 4).items()
        if all(output.sound and without_a_gap(unit, output.last) for output in outputs)
    }
    for offer, take in PAUSES:
        streamed = bench.stream(offer, take)
        sound &= {unit for unit, outputs in streamed.items() if all(output.sound for output in outputs)}
    return sound
