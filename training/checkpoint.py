"""The checkpoint: a trained network with what is needed to build it again, readable without executing anything."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from radioml.errors import RadioMLError
from radioml.files import replacing, sha256
from training.models import create

FORMAT = 1


@dataclass(frozen=True)
class TrainedNetwork:
    """A network in evaluation mode and where it comes from.

    topology, parameters: its entry in the registry of models.
    training_data: kind, identity and sha256 of the file it was trained on (see `ModelMetadata`).
    accuracy: measured accuracy with its data and number of frames; empty when nobody measured it.
    """

    network: nn.Module
    topology: str
    parameters: dict[str, Any]
    training_data: dict[str, Any]
    accuracy: dict[str, Any]


def save_checkpoint(path: Path, trained: TrainedNetwork) -> None:
    """Write a checkpoint of tensors and plain values."""
    value = {"format": FORMAT, **{k: v for k, v in vars(trained).items() if k != "network"}}
    with replacing(path) as temporary:
        torch.save({**value, "state": trained.network.state_dict()}, temporary)


def load_checkpoint(path: Path | str, topology: str | None = None) -> TrainedNetwork:
    """Load a checkpoint of this tool, or bare weights of the challenge's sandbox when `topology` names their network.

    Raises RadioMLError for a missing file, one that is no checkpoint or would execute code, or one of another topology.
    """
    try:
        value = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such checkpoint") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise RadioMLError(f"{path}: not a checkpoint that can be loaded safely: {reason}") from error
    if isinstance(value, dict) and value.get("format") == FORMAT:
        if topology not in (None, value["topology"]):
            raise RadioMLError(f"{path}: a checkpoint of topology {value['topology']!r}, not {topology!r}")
        network = create(value["topology"], value["parameters"])
        state, origin = value["state"], {k: value[k] for k in ("topology", "parameters", "training_data", "accuracy")}
        target = network
    elif isinstance(value, dict) and value and all(isinstance(v, torch.Tensor) for v in value.values()):
        if topology is None:
            raise RadioMLError(f"{path}: bare weights without their topology: name it with --topology, e.g. vgg10")
        network = create(topology, {})
        target = getattr(network, "layers", network)  # the sandbox's networks are plain sequences of layers
        unknown = {"kind": "unknown", "identity": Path(path).name, "sha256": ""}
        state, origin = value, {"topology": topology, "parameters": {}, "training_data": unknown, "accuracy": {}}
    else:
        raise RadioMLError(f"{path}: not a checkpoint of this version (format {FORMAT})")
    _fill(target, state, path, origin["topology"])
    network.eval()
    return TrainedNetwork(network=network, **origin)


def start_with(network: nn.Module, topology: str, path: Path | str) -> None:
    """Give a network the weights of a checkpoint, to train on from there; widths in bits may be others.

    Raises RadioMLError for a checkpoint that cannot be loaded, of another topology or of other sizes.
    """
    _fill(network, load_checkpoint(path, topology).network.state_dict(), path, topology)


def start_identity(path: Path | str) -> str:
    """What a run that starts from a checkpoint says of it: its SHA-256 and what it was trained on."""
    data = load_checkpoint(path).training_data
    return f"checkpoint {sha256(path)}, trained on {data['kind']} data: {data['identity']}"


def _fill(network: nn.Module, state: dict[str, torch.Tensor], path: Path | str, topology: str) -> None:
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise RadioMLError(f"{path}: weights do not fit topology {topology!r}: {reason}") from error
