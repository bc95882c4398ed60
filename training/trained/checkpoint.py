"""The checkpoint of a trained network: weights and the description that rebuilds the network.

Reading a checkpoint executes no code of the file.
"""

from __future__ import annotations

import pickle
import struct
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import torch
from torch import nn

from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.training_data import StartedFrom, TrainingData
from radioml.errors import RadioMLError
from radioml.files import replacing, sha256
from radioml.reading.records import record, values
from training.models import create, is_own, loaded

FORMAT = 1
UNKNOWN = "unknown"
"""Kind of training data of bare weights."""
_DESCRIPTION = {"topology": str, "parameters": dict, "training_data": dict, "accuracy": dict}
_RECORDS: dict[str, type] = {"training_data": TrainingData, "accuracy": TrainedAccuracy}
_DAMAGED = (RuntimeError, OSError, BadZipFile, zlib.error)
_FOREIGN = (pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError, struct.error)


@dataclass(frozen=True)
class TrainedNetwork:
    """A trained network and its description.

    network: in evaluation mode.
    topology, parameters: entry in the registry of models.
    training_data: the data file.
    accuracy: after training.
    code_sha256: digest of a topology in the user's own code (see `training.models.own_code`), else "".
    """

    network: nn.Module
    topology: str
    parameters: dict[str, Any]
    training_data: TrainingData
    accuracy: TrainedAccuracy = field(default_factory=TrainedAccuracy)
    code_sha256: str = ""


def save_checkpoint(path: Path, trained: TrainedNetwork) -> None:
    """Write a checkpoint of tensors and plain values."""
    description = {name: getattr(trained, name) for name in _DESCRIPTION} | _plain(trained)
    if is_own(trained.topology):
        description["code_sha256"] = loaded(trained.topology, trained.code_sha256 or None).sha256
    with replacing(path) as temporary, temporary.open("wb") as file:  # a path's name would become part of the content
        torch.save({"format": FORMAT, **description, "state": trained.network.state_dict()}, file)


def load_checkpoint(path: Path | str, topology: str | None = None) -> TrainedNetwork:
    """Load a checkpoint of this tool, or bare weights of the challenge's sandbox.

    Args:
        path: the file; none of its content is executed.
        topology: the network of bare weights; for a checkpoint, the topology that it must have.

    Raises:
        RadioMLError: for a missing, damaged or foreign file, one that would execute code, NaN or infinite weights,
            another topology, and the user's own code that was not loaded before or has changed
            (see `training.models.own_code`).
    """
    value = _read(path)
    if isinstance(value, dict) and value.get("format") == FORMAT:
        if missing := sorted({"state", *_DESCRIPTION} - value.keys()):
            raise RadioMLError(f"{path}: not a checkpoint that `radioml train` wrote: it lacks {', '.join(missing)}")
        if wrong := [name for name, kind in _DESCRIPTION.items() if not isinstance(value[name], kind)]:
            raise RadioMLError(
                f"{path}: not a checkpoint that `radioml train` wrote: its {wrong[0]} is of another type"
            )
        description = {name: value[name] for name in _DESCRIPTION} | _records(value, path)
        if is_own(value["topology"]):
            description["code_sha256"] = str(value.get("code_sha256"))
            try:
                loaded(value["topology"], description["code_sha256"])
            except RadioMLError as error:
                raise RadioMLError(f"{path}: {error}") from error
        if topology not in (None, value["topology"]) and not (is_own(topology) and is_own(value["topology"])):
            raise RadioMLError(f"{path}: a checkpoint of topology {value['topology']!r}, not {topology!r}")
        network = create(value["topology"], value["parameters"])
        state = value["state"]
        target = network
    elif isinstance(value, dict) and value and all(isinstance(v, torch.Tensor) for v in value.values()):
        if topology is None:
            raise RadioMLError(f"{path}: weights without a topology; name it with --topology, e.g. vgg10")
        network = create(topology, {})
        target = getattr(network, "layers", network)  # the sandbox's networks are plain sequences of layers
        unknown = TrainingData(UNKNOWN, Path(path).name, "")
        description = {"topology": topology, "parameters": {}, "training_data": unknown, "accuracy": TrainedAccuracy()}
        state = value
    else:
        raise RadioMLError(f"{path}: not a checkpoint of this version (format {FORMAT})")
    _fill(target, state, path, description["topology"])
    network.eval()
    return TrainedNetwork(network=network, **description)


def _plain(trained: TrainedNetwork) -> dict[str, Any]:
    """The records of a checkpoint as plain values."""
    return {name: values(getattr(trained, name)) for name in _RECORDS}


def _records(value: dict[str, Any], path: Path | str) -> dict[str, Any]:
    """What `_plain` gives, as records; raises RadioMLError that names the field that is wrong."""
    try:
        return {name: record(value[name], kind, name) for name, kind in _RECORDS.items()}
    except ValueError as error:
        raise RadioMLError(f"{path}: not a checkpoint that `radioml train` wrote: {error}") from error


def start_with(network: nn.Module, topology: str, path: Path | str) -> None:
    """Give a network the weights of a checkpoint, as the start of a training; widths in bits may differ.

    Raises RadioMLError for a checkpoint that cannot be loaded, or that has another topology or other sizes.
    """
    _fill(network, load_checkpoint(path, topology).network.state_dict(), path, topology)


def start_identity(path: Path | str) -> StartedFrom:
    """The `started_from` of a run that begins with the weights of this checkpoint."""
    data = load_checkpoint(path).training_data  # names a file that is missing
    return StartedFrom(sha256(path), data)


def read_unfinished(path: Path) -> dict[str, Any]:
    """What Lightning saved of a training that has not ended.

    Raises RadioMLError for a missing, damaged or foreign file.
    """
    try:
        value = _read(path)
    except RadioMLError as error:
        raise RadioMLError(f"{error}. The run cannot continue: remove {path.parent} to begin anew") from error
    if not isinstance(value, dict) or "state_dict" not in value:
        raise RadioMLError(f"{path}: no checkpoint of a training; remove {path.parent} to begin the run anew")
    return value


def _read(path: Path | str) -> Any:
    """The values of a file of torch.save; raises RadioMLError for a missing, damaged or foreign file."""
    try:
        _check_sums(path)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # the error says more
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such checkpoint") from error
    except (*_DAMAGED, *_FOREIGN) as error:
        reason = next(iter(str(error).splitlines()), "")
        if isinstance(error, _FOREIGN) or "weights_only" in reason:  # torch's text explains unsafe loading
            reason = "no file of torch.save, or it holds more than tensors and plain values, which may execute code"
        raise RadioMLError(f"{path}: not a checkpoint that can be loaded safely: {reason}") from error


def _check_sums(path: Path | str) -> None:
    """Raise RadioMLError for a file whose content changed after it was written; torch checks nothing."""
    if not is_zipfile(path):  # files that torch.save wrote before 2020 have no check sums
        return
    with ZipFile(path) as archive:
        if (damaged := archive.testzip()) is not None:
            raise RadioMLError(f"{path}: damaged: the check sum of {damaged} is wrong; copy or train it again")


def _fill(network: nn.Module, state: dict[str, torch.Tensor], path: Path | str, topology: str) -> None:
    if not isinstance(state, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    ):
        raise RadioMLError(f"{path}: its weights are not tensors with names")
    if unusable := [name for name, value in state.items() if not value.isfinite().all()]:
        raise RadioMLError(f"{path}: {', '.join(unusable[:3])} have NaN or infinite weights; the training failed")
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise RadioMLError(f"{path}: weights do not fit topology {topology!r}: {reason}") from error
