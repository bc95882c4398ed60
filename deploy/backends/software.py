"""Backend `software`: a QONNX network, from a package or a file, in exact integers on this host's CPU."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType

import numpy as np

from deploy.accelerator import Inference, Runs, check_frames
from radioml.contract.described import Described
from radioml.contract.metadata import load_exported
from radioml.contract.package import Package
from radioml.errors import MissingToolError, RadioMLError
from radioml.files import sha256
from radioml.network.exact_qonnx import logits_as_integers
from radioml.network.integer_qonnx import IntegerQonnx
from radioml.run_directory import MODEL


class NetworkInSoftware:
    """A QONNX file in exact integers; see `deploy.accelerator.Accelerator`."""

    runs_on: Runs = "software"
    batch_frames = 256

    def __init__(self, model: Path, network: Described) -> None:
        """network: the description of the file's network."""
        self.network, self._path = network, model
        self._integers: IntegerQonnx | None = None

    def __enter__(self) -> NetworkInSoftware:
        """Load the model."""
        try:
            model, _ = load_exported(self._path)
            self._integers = IntegerQonnx(model)
        except ImportError as error:
            raise MissingToolError(
                "the software backend needs the Python packages onnx and qonnx; `radioml doctor` says in which "
                f"versions ({error})"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop the model."""
        self._integers = None

    def clock_mhz(self) -> None:
        """See `Accelerator.clock_mhz`."""
        return None

    def board_name(self) -> None:
        """See `Accelerator.board_name`."""
        return None

    def infer(self, integers: np.ndarray) -> Inference:
        """See `Accelerator.infer`. The integers become samples, which the network quantises again."""
        if self._integers is None:
            raise RuntimeError("enter the accelerator's context first")
        check_frames(integers)
        start = time.perf_counter()
        logits = self._integers(self.network.quantiser.dequantise(integers))
        answer = logits_as_integers(logits, self.network.logit_scale)
        return Inference(answer, None, 0, time.perf_counter() - start)


class SoftwareAccelerator(NetworkInSoftware):
    """The model that a package's accelerator was built from."""

    def __init__(self, package: Package, processes: int | None = None) -> None:
        """See `open_accelerator`. Raises RadioMLError unless the package has the model of its accelerator.

        processes has no effect: NumPy computes in this process.
        """
        path = package.folder / MODEL
        if not path.is_file():
            raise RadioMLError(f"the package has no {MODEL}, which the software backend runs; build it again")
        if sha256(path) != package.manifest.model_sha256:
            raise RadioMLError(f"the package's {MODEL} is not the one its accelerator was built from; build it again")
        super().__init__(path, package.manifest)
