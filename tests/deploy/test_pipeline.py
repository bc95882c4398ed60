"""The pipeline: batches of frames through an accelerator, while the next ones are prepared."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from deploy.accelerator import Inference, open_accelerator
from deploy.pipeline import UNUSABLE, ahead, classified, quantised
from deploy.sources.source import WAITING, Block
from radioml.errors import RadioMLError
from tests.killing import until


@pytest.mark.parametrize("sizes", [(30,), (1,) * 30, (7, 16, 7), (29, 1)])
@pytest.mark.parametrize("batch", [1, 8, 30, 64])
def test_blocks_of_any_size_become_batches_of_one_size(package, iq, sizes, batch):
    blocks = [Block(part, {"sample": part[:, 0, 0]}) for part in np.split(iq, np.cumsum(sizes)[:-1])]
    found = list(quantised(blocks, package.manifest.quantiser, batch))
    batches = [part for _, part in found]
    assert [len(part.integers) for part in batches[:-1]] == [batch] * (len(batches) - 1)
    assert np.array_equal(np.concatenate([block.tags["sample"] for block, _ in found]), iq[:, 0, 0])
    assert np.array_equal(np.concatenate([block.iq for block, _ in found]), iq)
    assert np.array_equal(np.concatenate([part.integers for part in batches]), package.manifest.quantiser(iq))
    assert sum(part.clipped for part in batches) == package.manifest.quantiser.frames(iq).clipped


def test_quantised_frames_pass_unchanged(package, iq):
    integers = package.manifest.quantiser(iq)
    ((_, batch),) = quantised([Block(integers)], package.manifest.quantiser, 64)
    assert np.array_equal(batch.integers, integers) and batch.usable.all()
    assert batch.clipped == 0


def test_frames_with_nan_get_no_class(package, iq, logits):
    broken = iq.copy()
    broken[3, 5, 0], broken[17, 1023, 1] = np.nan, np.inf
    with open_accelerator(package, "software") as accelerator:
        (batch,) = classified(accelerator, [Block(broken)])
        (nothing,) = classified(accelerator, [Block(np.full_like(iq[:2], np.nan))])
    expected = logits.argmax(1)
    expected[[3, 17]] = UNUSABLE
    assert np.array_equal(batch.class_index, expected)
    assert np.isnan(batch.probability[[3, 17]]).all()
    assert nothing.class_index.tolist() == [UNUSABLE] * 2 and nothing.inference is None


def test_probabilities_are_the_softmax(package, iq, logits):
    with open_accelerator(package, "software") as accelerator:
        (batch,) = classified(accelerator, [Block(iq)])
    exponential = np.exp(logits * package.manifest.logit_scale)
    assert np.allclose(batch.probability, (exponential / exponential.sum(1, keepdims=True)).max(1))


class Slow:
    """An accelerator that waits for an event before it answers."""

    batch_frames = 2

    def __init__(self, manifest) -> None:
        self.network, self.go = manifest, threading.Event()

    def infer(self, integers: np.ndarray) -> Inference:
        assert self.go.wait(60)
        return Inference(np.zeros((len(integers), 24), np.int64), None, 0, 0.0)


def test_the_next_batch_is_quantised_while_the_accelerator_works(package, iq):
    accelerator, drawn = Slow(package.manifest), []

    def blocks():
        for at in range(0, 12, 2):
            drawn.append(at)
            if at == 2:
                accelerator.go.set()  # reached only if it is drawn while the first batch is in the accelerator
            yield Block(iq[at : at + 2])

    assert [batch.first for batch in classified(accelerator, blocks())] == [0, 2, 4, 6, 8, 10]
    assert drawn == [0, 2, 4, 6, 8, 10]


def test_looking_ahead_is_bounded_and_ends(iq):
    drawn = []

    def items():
        for number in range(1000):
            drawn.append(number)
            yield number

    iterator = ahead(items())
    assert [next(iterator) for _ in range(3)] == [0, 1, 2]
    until(lambda: len(drawn) >= 5, "nothing is drawn ahead")
    assert len(drawn) == 5  # one in the queue, one waiting for room there
    iterator.close()
    until(lambda: not [thread for thread in threading.enumerate() if thread.name == "ahead"], "the thread goes on")


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise RadioMLError("the cable came out")

    iterator = ahead(items())
    assert next(iterator) == 1
    with pytest.raises(RadioMLError, match="cable"):
        next(iterator)


def test_a_batch_does_not_wait_for_frames_that_are_not_at_hand(package, iq):
    blocks = [Block(iq[:3]), WAITING, WAITING, Block(iq[3:4]), WAITING, Block(iq[4:])]
    found = [len(block) for block, _ in quantised(blocks, package.manifest.quantiser, 8)]
    assert found == [3, 1, 8, 8, 8, len(iq) - 28]
