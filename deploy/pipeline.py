"""Streams frames through an accelerator: a thread reads and quantises the next batch while the accelerator works.

The quantiser and the packing are the package's. Frames with NaN or infinite samples are counted and not classified.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

import numpy as np

from deploy.accelerator import Accelerator, Inference
from deploy.sources.source import Block, joined
from radioml.contract.quantiser import InputQuantiser, Quantised

T = TypeVar("T")
UNUSABLE = -1
"""Class index of a frame that could not be classified."""


@dataclass(frozen=True)
class ClassifiedBatch:
    """A batch and its classes.

    first: number of the batch's first frame.
    block: the batch's frames as they came.
    class_index: int64 (n,), `UNUSABLE` where a frame has samples that are not finite.
    silent: bool (n,), whether all integers of a frame are 0.
    clipped: I and Q values that the quantiser clipped.
    inference: None when no frame of the batch was usable.
    logit_scale: value of one step of the logits.
    """

    first: int
    block: Block
    class_index: np.ndarray
    silent: np.ndarray
    clipped: int
    inference: Inference | None
    logit_scale: float

    @property
    def probability(self) -> np.ndarray:
        """Softmax of the winning class, float64 (n,), NaN where unusable: the network's own confidence."""
        probability = np.full(len(self.class_index), np.nan)
        if self.inference is not None:
            logits = self.inference.logits
            above = (logits - logits.max(1, keepdims=True)) * self.logit_scale
            probability[self.class_index != UNUSABLE] = 1 / np.exp(above).sum(1)
        return probability


def quantised(
    blocks: Iterable[Block], quantiser: InputQuantiser, frames: int
) -> Generator[tuple[Block, Quantised], None, None]:
    """Batches of `frames` frames from blocks of any number of frames; the last batch may be smaller.

    Frames are float32, or int8 if they are already quantised. A block without frames says that no more frames are at
    hand, and the frames so far become a batch. An exception of `blocks` is raised after the frames before it.
    """
    waiting: list[Block] = []
    count = 0
    failure = None
    try:
        for block in blocks:
            if len(block):
                waiting.append(block)
                count += len(block)
            while count >= frames or (count and not len(block)):
                together = joined(waiting)
                yield together[:frames], _quantise(together[:frames].iq, quantiser)
                waiting, count = [together[frames:]], max(count - frames, 0)
            if not count:
                waiting = []
    except Exception as error:  # the frames before it come first
        failure = error
    if count:
        yield joined(waiting), _quantise(joined(waiting).iq, quantiser)
    if failure is not None:
        raise failure


def _quantise(iq: np.ndarray, quantiser: InputQuantiser) -> Quantised:
    if iq.dtype == np.int8:
        return Quantised(np.ascontiguousarray(iq), np.ones(len(iq), bool), 0)
    return quantiser.frames(iq)


def classified(accelerator: Accelerator, blocks: Iterable[Block]) -> Generator[ClassifiedBatch, None, None]:
    """Classify all frames of the blocks, in batches of `accelerator.batch_frames`.

    An exception of `blocks` or the accelerator passes through after the batches before it.
    """
    network, first = accelerator.network, 0
    with closing(ahead(quantised(blocks, network.quantiser, accelerator.batch_frames))) as batches:
        for block, batch in batches:
            usable = batch.usable
            class_index = np.full(len(usable), UNUSABLE, np.int64)
            inference = None
            if usable.any():
                integers = batch.integers if usable.all() else batch.integers[usable]
                inference = accelerator.infer(integers)
                class_index[usable] = inference.logits.argmax(1)
            silent = ~batch.integers.any((1, 2)) & usable
            yield ClassifiedBatch(first, block, class_index, silent, batch.clipped, inference, network.logit_scale)
            first += len(usable)


def ahead(items: Iterable[T]) -> Generator[T, None, None]:
    """The same items; a thread computes the next item while the caller works on one.

    Closing the iterator lets the thread end. A thread that waits for input does not keep the process alive.
    """
    queue: Queue[tuple[T | None, BaseException | None]] = Queue(1)
    left = Event()

    def offer(item: T | None, error: BaseException | None) -> None:
        while not left.is_set():
            try:
                return queue.put((item, error), timeout=0.1)
            except Full:
                continue

    def work() -> None:
        try:
            for item in items:
                offer(item, None)
                if left.is_set():
                    return
        except BaseException as error:  # raised again in the caller's thread
            offer(None, error)
        else:
            offer(None, StopIteration())

    Thread(target=work, name="ahead", daemon=True).start()
    try:
        while True:
            try:
                item, error = queue.get(timeout=0.5)
            except Empty:
                continue  # so that Ctrl-C is noticed while a pipe is silent
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        left.set()
