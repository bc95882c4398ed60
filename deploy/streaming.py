"""Frames through an accelerator as fast as it takes them: the next batch is read and quantised while it works.

The quantiser and the packing are the package's. Frames with NaN or infinite samples are not classified, but counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

import numpy as np

from deploy.accelerator import Accelerator, Inference
from radioml.package import Manifest

T = TypeVar("T")
UNUSABLE = -1
"""Class index of a frame that could not be classified."""


@dataclass(frozen=True)
class QuantisedBatch:
    """Frames as the accelerator takes them: integers int8 (n, 1024, 2), of which `usable`, bool (n,), were finite.

    clipped: I and Q values that the quantiser cut off. seconds: what reading and quantising took.
    """

    integers: np.ndarray
    usable: np.ndarray
    clipped: int
    seconds: float


@dataclass(frozen=True)
class ClassifiedBatch:
    """A batch and what became of it.

    first: number of its first frame. class_index: int64 (n,), `UNUSABLE` where a frame was not finite.
    probability: float64 (n,), softmax of the winning class, NaN where unusable; a network's own estimate.
    inference: None when no frame of the batch was usable.
    """

    first: int
    quantised: QuantisedBatch
    class_index: np.ndarray
    probability: np.ndarray
    inference: Inference | None


def quantised(blocks: Iterable[np.ndarray], manifest: Manifest, frames: int) -> Iterator[QuantisedBatch]:
    """Batches of `frames` frames, the last one of what is left, from blocks (n, 1024, 2) of any n.

    Blocks are float32, or int8 where they are quantised already. What `blocks` raises comes after its frames.
    """
    start, waiting, count = time.perf_counter(), [], 0
    failure = None
    try:
        for block in blocks:
            waiting.append(block)
            count += len(block)
            while count >= frames:
                joined = waiting[0] if len(waiting) == 1 else np.concatenate(waiting)
                yield _quantise(joined[:frames], manifest, start)
                start, waiting, count = time.perf_counter(), [joined[frames:]], count - frames
    except Exception as error:  # the frames before it come first
        failure = error
    if count:
        yield _quantise(np.concatenate(waiting), manifest, start)
    if failure is not None:
        raise failure


def _quantise(iq: np.ndarray, manifest: Manifest, start: float) -> QuantisedBatch:
    if iq.dtype == np.int8:
        integers = np.ascontiguousarray(iq)
        return QuantisedBatch(integers, np.ones(len(iq), bool), 0, time.perf_counter() - start)
    usable = np.isfinite(iq).all((1, 2))
    if not usable.all():
        iq = np.where(usable[:, None, None], iq, np.float32(0))
    quantiser = manifest.quantiser
    integers, clipped = quantiser(iq), quantiser.clipped(iq)
    return QuantisedBatch(integers, usable, clipped, time.perf_counter() - start)


def classified(accelerator: Accelerator, blocks: Iterable[np.ndarray]) -> Iterator[ClassifiedBatch]:
    """Classify all frames of the blocks, in batches of `accelerator.batch_frames`.

    What `blocks` and the accelerator raise comes through, after the batches before it.
    """
    manifest, first = accelerator.manifest, 0
    with closing(ahead(quantised(blocks, manifest, accelerator.batch_frames))) as batches:
        for batch in batches:
            usable = batch.usable
            class_index = np.full(len(usable), UNUSABLE, np.int64)
            probability = np.full(len(usable), np.nan)
            inference = None
            if usable.any():
                integers = batch.integers if usable.all() else batch.integers[usable]
                inference = accelerator.infer(integers)
                class_index[usable] = inference.logits.argmax(1)
                above = (inference.logits - inference.logits.max(1, keepdims=True)) * manifest.logit_scale
                probability[usable] = 1 / np.exp(above).sum(1)
            yield ClassifiedBatch(first, batch, class_index, probability, inference)
            first += len(usable)


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, of which the next is computed in a thread while the caller works on one.

    Closing the iterator lets the thread end; one that waits for input does not hold up the process.
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
        except BaseException as error:  # whatever it is belongs to the caller
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
