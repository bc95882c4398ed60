"""Opens what classifies frames: the accelerator of a package, or a network file in software."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.accelerator import Accelerator, open_accelerator
from deploy.backends.software import NetworkInSoftware
from deploy.checks.golden import check_golden
from radioml.contract.described import Described
from radioml.contract.metadata import load_exported
from radioml.contract.package import Manifest, open_package
from radioml.errors import RadioMLError
from radioml.files import sha256
from radioml.run_directory import PACKAGE
from radioml.temporary import temporary_folder

SOFTWARE = "software"


@dataclass(frozen=True)
class Opened:
    """An accelerator that is ready to run.

    network: what the accelerator computes.
    model_sha256: digest of the network's QONNX file.
    backend: what the accelerator runs on.
    manifest: of the package; None for a network without a build.
    golden_frames: frames of the package on which the accelerator gave the network's integers; 0 without a package.
    """

    accelerator: Accelerator
    network: Described
    model_sha256: str
    backend: str
    manifest: Manifest | None
    golden_frames: int

    @property
    def name(self) -> str:
        """For titles."""
        if self.manifest is None:
            return "network in software"
        return f"accelerator for {self.manifest.board} ({self.backend})"


@contextmanager
def opened(
    what: Path, backend: str | None = None, processes: int | None = None, target: str | None = None
) -> Iterator[Opened]:
    """Open a package.zip, a build folder with one, or a model.onnx of `radioml export` or `import`.

    An accelerator must first give the network's logits on the package's golden frames.

    Args:
        what: the package, folder or model.
        backend: default a package's simulated RTL. A model always runs in software.
        processes, target: as in `open_accelerator`.

    Raises RadioMLError for a file that cannot be opened or run in this way; MismatchError where golden frames differ.
    """
    if what.suffix == ".onnx":
        if backend not in (None, SOFTWARE) or target is not None:
            raise RadioMLError(
                f"{what} has no build, and runs in software; `radioml build` makes the package that "
                f"{'a board' if target is not None else f'backend {backend!r}'} needs"
            )
        _, metadata = load_exported(what)
        with NetworkInSoftware(what, metadata) as network:
            yield Opened(network, metadata, sha256(what), SOFTWARE, None, 0)
        return
    package = what / PACKAGE if what.is_dir() else what
    if what.is_dir() and not package.exists():
        raise RadioMLError(f"{what}: no {PACKAGE} in it; `radioml build MODEL --board B --until rtl` makes one")
    with temporary_folder("radioml-package") as folder:
        unpacked = open_package(package, folder)
        backend = backend or "simulation"
        with open_accelerator(unpacked, backend, processes, target) as accelerator:
            golden = check_golden(accelerator, unpacked)
            manifest = unpacked.manifest
            yield Opened(accelerator, manifest, manifest.model_sha256, backend, manifest, golden)
