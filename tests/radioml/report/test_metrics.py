"""Accuracy and its uncertainty, against cases worked out by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from radioml.report.metrics import Proportion, measure


def test_a_case_made_by_hand():
    # 0 dB: OOK right, OOK taken for 4ASK; +30 dB: OQPSK right twice, 4ASK taken for OOK
    metrics = measure(
        class_index=np.array([0, 0, 23, 23, 1]),
        snr_db=np.array([0, 0, 30, 30, 30]),
        predicted=np.array([0, 1, 23, 23, 0]),
    )
    assert metrics.overall == Proportion(3, 5)
    assert metrics.at_30_db == metrics.per_snr[30] == Proportion(2, 3)
    assert metrics.per_snr[0] == Proportion(1, 2)
    assert metrics.per_snr[-20] == Proportion(0, 0)
    assert metrics.per_class["OOK"] == Proportion(1, 2)
    assert metrics.per_class["4ASK"] == Proportion(0, 1)
    assert metrics.per_class["OQPSK"] == Proportion(2, 2)
    confusion = metrics.confusion()
    assert (confusion[0, 0], confusion[0, 1], confusion[1, 0], confusion[23, 23], confusion.sum()) == (1, 1, 1, 2, 5)
    at_30_db = metrics.confusion(30)
    assert (at_30_db[0].sum(), at_30_db[1, 0], at_30_db[23, 23], at_30_db.sum()) == (0, 1, 2, 3)


def test_wilson_interval():
    # Newcombe, Stat. Med. 17 (1998), table I, method 3: 81/263, 15/148, 0/20, 1/29
    for correct, frames, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611),
                                       (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert Proportion(correct, frames).interval == pytest.approx((low, high), abs=5e-5)
    assert Proportion(20, 20).interval[1] == 1
    assert Proportion(0, 0).interval == (0, 1)
    assert math.isnan(Proportion(0, 0).accuracy)


def test_the_dictionary_is_strict_json():
    value = measure(np.array([5]), np.array([-20]), np.array([5])).measured.to_json()
    text = json.dumps(value, allow_nan=False)  # NaN is no JSON: cells without frames must be null
    again = json.loads(text)
    assert again["overall"]["accuracy"] == 1
    assert again["per_snr_db"]["30"]["accuracy"] is None
    assert again["confusion"][5][5] == 1


@pytest.mark.parametrize(
    ("class_index", "snr_db", "predicted", "message"),
    [
        ([0, 1], [0, 0], [0], "differ"),
        ([0], [1], [0], r"SNRs \[1\] are not on the grid"),
        ([24], [0], [0], "label is outside 0..23"),
        ([0], [0], [-1], "prediction is outside 0..23"),
    ],
)
def test_values_that_make_no_sense_are_refused(class_index, snr_db, predicted, message):
    with pytest.raises(ValueError, match=message):
        measure(np.array(class_index), np.array(snr_db), np.array(predicted))
