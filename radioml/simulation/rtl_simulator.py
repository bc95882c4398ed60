"""The Verilated accelerator: integers in, integers out, and when each frame passed."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np

from radioml.contract.package import StreamFormat
from radioml.contract.packing import pack, unpack
from radioml.errors import RadioMLError
from radioml.simulation.deadlock import Stream, explain

INTERFACE = 4
"""Counts the changes of the library's functions; a library of another count cannot be used."""
DEFAULT_TIMEOUT_CYCLES = 1_000_000
"""Cycles without any transfer after which a stream counts as stalled; far above any layer's cycles a frame."""
_CYCLES_A_CALL = 10_000


@dataclass(frozen=True)
class SimulationRun:
    """What came out of a simulation.

    integers: int64 (N, *output.shape).
    first_in, last_in, last_out: int64 (N,), the cycle in which a frame's first and last word went in and its last
    came out, counted from the start of the run.
    cycles: simulated cycles. seconds: time it took to simulate them.
    recorded: by layer, the words of all frames that it gave, uint8 (N x words a frame, bytes a word).
    """

    integers: np.ndarray
    first_in: np.ndarray
    last_in: np.ndarray
    last_out: np.ndarray
    cycles: int
    seconds: float
    recorded: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def cycles_per_frame(self) -> int:
        """Initiation interval in the steady state: the median distance of consecutive frames' ends.

        Raises ValueError for fewer than two frames.
        """
        if len(self.last_out) < 2:
            raise ValueError("the initiation interval needs two frames or more")
        return round(float(np.median(np.diff(self.last_out))))

    @property
    def latency_cycles(self) -> int:
        """Cycles from the first word of frame 0, which finds the pipeline empty, to its last result."""
        return int(self.last_out[0] - self.first_in[0])


class RtlSimulator:
    """A Verilated accelerator, loaded in this process. Use it as a context manager.

    library: shared library that `radioml build` compiled; data_folder: where its .dat files lie (weights and
    thresholds, read once, here). Raises RadioMLError when the library cannot be loaded, was made by another version of
    this tool, or does not find a .dat file.
    """

    def __init__(self, library: Path, data_folder: Path, input: StreamFormat, output: StreamFormat) -> None:
        self.input, self.output = input, output
        try:
            self._library = ctypes.CDLL(str(Path(library).resolve()))
        except OSError as error:
            raise RadioMLError(f"{library}: cannot load the simulator: {error}; build it again here") from error
        interface = getattr(self._library, "sim_interface", None)
        if interface is None or interface() != INTERFACE:
            raise RadioMLError(f"{library}: a simulator made by another version of this tool; build it again")
        pointer, count = ctypes.c_void_p, ctypes.c_int64
        self._library.sim_problem.restype = ctypes.c_char_p
        self._library.sim_open.restype = pointer
        self._library.sim_open.argtypes = [ctypes.c_char_p]
        self._library.sim_description.restype = ctypes.c_char_p
        self._library.sim_streams.argtypes = [pointer] * 4
        self._library.sim_close.argtypes = [pointer]
        self._library.sim_start.argtypes = [pointer] * 7 + [count] * 4 + [ctypes.c_uint32]
        self._library.sim_record.argtypes = [pointer, count, pointer, count]
        self._library.sim_advance.argtypes = [pointer, count, count, pointer]
        folder = Path(data_folder).resolve()
        self._simulator = self._library.sim_open(str(folder).encode())
        if not self._simulator:
            raise RadioMLError(f"{folder}: the simulator cannot read its weights and thresholds: {self._problem()}")

    def __enter__(self) -> RtlSimulator:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the simulator; harmless when done twice."""
        if self._simulator:
            self._library.sim_close(self._simulator)
            self._simulator = None

    def run(
        self,
        integers: np.ndarray,
        *,
        initiation_interval: int = 0,
        pauses: np.ndarray | None = None,
        stall_seed: int = 0,
        record: bool = False,
        timeout_cycles: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> SimulationRun:
        """Reset the design, stream frames (N, *input.shape) through it, and wait for all N results.

        Args:
            integers: frames, as the input stream takes them.
            initiation_interval: cycles from frame to frame at the input; 0 offers a word whenever the design takes one.
            pauses: cycles, one number a frame, for which no word is offered after its last was taken.
            stall_seed: if not 0, both streams pause at random in a third of the cycles.
            record: keep the words that every activation gives.
            timeout_cycles: cycles without a transfer after which the run fails.
            progress: called with the number of frames that are done.

        Raises:
            ValueError: integers that do not fit the stream, or another number of pauses.
            RadioMLError: the stream stalls, or the design reports an error of its own.
        """
        if not self._simulator:
            raise ValueError("the simulator is closed")
        words = np.ascontiguousarray(pack(integers, self.input))
        frames = len(integers)
        result = np.zeros((frames * self.output.words, self.output.word_bytes), np.uint8)
        first_in, last_in, last_out = (np.zeros(frames, np.int64) for _ in range(3))
        state = np.zeros(5, np.int64)
        pauses = np.zeros(frames, np.int64) if pauses is None else np.ascontiguousarray(pauses, np.int64)
        if pauses.shape != (frames,):
            raise ValueError(f"{pauses.shape} pauses for {frames} frames")
        timeout = DEFAULT_TIMEOUT_CYCLES if timeout_cycles is None else timeout_cycles
        start = time.perf_counter()
        self._library.sim_start(
            self._simulator, words.ctypes.data, result.ctypes.data, first_in.ctypes.data, last_in.ctypes.data,
            last_out.ctypes.data, pauses.ctypes.data, frames, self.input.words, self.output.words, initiation_interval,
            stall_seed,
        )  # fmt: skip
        recorded = self._record(frames) if record else {}
        while not state[4]:
            self._library.sim_advance(self._simulator, _CYCLES_A_CALL, timeout, state.ctypes.data)
            where = f"cycle {state[2]}, {state[0]} of {len(words)} words in, {state[1]} of {len(result)} words out"
            if problem := self._problem():
                raise RadioMLError(f"the simulated design reports an error at {where}: {problem}")
            if not state[4] and state[3] > timeout:
                raise RadioMLError(
                    f"the simulated design is deadlocked at {where}: nothing moved for {timeout} cycles: "
                    f"{explain(self.streams())}"
                )
            if progress:
                progress(int(state[1]) // self.output.words)
        seconds = time.perf_counter() - start
        logits = unpack(result, self.output)
        return SimulationRun(logits, first_in, last_in, last_out, int(state[2]), seconds, recorded)

    def streams(self) -> list[Stream]:
        """All streams as they are now: the input, those between layers, the output."""
        described = self._described()
        valid, ready = (np.zeros(len(described), np.uint8) for _ in range(2))
        passed = np.zeros(len(described), np.int64)
        self._library.sim_streams(self._simulator, valid.ctypes.data, ready.ctypes.data, passed.ctypes.data)
        return [
            Stream(source, reader, bool(v), bool(r), int(count), words)
            for (source, reader, words, _), v, r, count in zip(described, valid, ready, passed, strict=True)
        ]

    def fifo_fill(self, fifos: int) -> np.ndarray:
        """Largest fill, uint32 (fifos,), of each FIFO in the last run; only for a library built to gauge them."""
        fill = np.zeros(fifos, np.uint32)
        self._library.sim_fifo_fill(ctypes.c_void_p(self._simulator), fill.ctypes.data_as(ctypes.c_void_p))
        return fill

    def _described(self) -> list[tuple[str, str, int, int]]:
        """Source, reader, words a frame and bytes of a word of each stream; 0 bytes if the stream is not probed."""
        lines = (line.split(" ") for line in self._library.sim_description().decode().splitlines())
        return [(source, reader, int(words), int(probed)) for source, reader, words, probed in lines]

    def _record(self, frames: int) -> dict[str, np.ndarray]:
        """Have the present job write the words of every probed layer to arrays, which are returned."""
        arrays = {}
        for index, (source, _, words, probed) in enumerate(self._described()):
            if probed:
                arrays[source] = np.zeros((frames * words, probed), np.uint8)
                self._library.sim_record(self._simulator, index, arrays[source].ctypes.data, frames * words)
        return arrays

    def _problem(self) -> str:
        return self._library.sim_problem().decode(errors="replace")
