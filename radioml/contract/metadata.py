"""What a QONNX model says of itself: the contract between training, build and driver.

It travels in the ONNX file's metadata properties under the key `radioml`, as JSON.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from radioml.constants import FRAME_LENGTH
from radioml.contract.accuracy import TrainedAccuracy
from radioml.contract.quantiser import InputQuantiser
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from radioml.network.onnx_graph import check_graph, number_problems
from radioml.reading.records import record, values
from radioml.reading.text import parse_json
from radioml.run_directory import CHECKPOINT, MODEL, TRAIN

if TYPE_CHECKING:
    import onnx

KEY = "radioml"
FORMAT = 1
INPUT_NAME, OUTPUT_NAME = "iq", "logits"
IMPORTED = "imported"
_AGAIN = "export the checkpoint again with this version"


@dataclass(frozen=True)
class ImportOptions:
    """Choices that the ONNX file of an imported network left open; with them, a second import gives the same network.

    output: name of the output that gives the logits. input_bits, input_scale: what samples are quantised to.
    round_bias: whether the last layer's bias is rounded to multiples of the logit scale.
    """

    output: str | None = None
    input_bits: int | None = None
    input_scale: float | None = None
    round_bias: bool = False


@dataclass(frozen=True)
class ModelMetadata:
    """Everything that later stages may know of a network beside its graph.

    topology: name in the registry of models; `IMPORTED` of a network that others made.
    classes: class of each logit.
    quantiser: how the host turns IQ samples into the network's integers.
    logit_scale: value of one step of the integer logits; float logits = integers x logit_scale.
    checkpoint_sha256: the checkpoint that was exported, or the ONNX file that was imported.
    training_data: `kind` and `identity` of the file (see `radioml.data.provenance`), its `sha256`, and `started_from`,
        the training data of the checkpoint whose weights training started from, if there was one.
    accuracy: after training.
    imported: how the file of an imported network was read; None of a network that was trained here.
    """

    topology: str
    classes: tuple[str, ...]
    quantiser: InputQuantiser
    logit_scale: float
    checkpoint_sha256: str
    training_data: TrainingData
    accuracy: TrainedAccuracy
    imported: ImportOptions | None = None

    @property
    def reference_name(self) -> str:
        """What the network is compared with, in a word or two for reports."""
        return "Brevitas" if self.imported is None else "the imported network"

    def to_json(self) -> str:
        """One JSON object, with the format version."""
        records = {name: values(getattr(self, name)) for name in ("training_data", "accuracy")}
        return json.dumps({"format": FORMAT, **asdict(self), **records})

    @classmethod
    def from_json(cls, text: str, source: Path | str) -> ModelMetadata:
        """Parse `to_json`'s output; raises RadioMLError that names `source` and the field that is missing or wrong."""
        value = parse_json(text, source)
        found = value.pop("format", None) if isinstance(value, dict) else None
        if found != FORMAT:
            raise RadioMLError(f"{source}: metadata format {found}, this tool reads {FORMAT}; {_AGAIN}")
        try:
            return record(value, cls)
        except ValueError as error:
            raise RadioMLError(f"{source}: metadata: {error}; {_AGAIN}") from error

    def __post_init__(self) -> None:
        """Refuse metadata without classes or with a scale that is not positive; raises ValueError."""
        if not self.classes:
            raise ValueError("classes cannot be empty")
        if not self.logit_scale > 0:
            raise ValueError(f"logit_scale cannot be {self.logit_scale!r}")


def attach(model: onnx.ModelProto, metadata: ModelMetadata) -> None:
    """Write the metadata into an ONNX model, replacing what was there."""
    kept = [entry for entry in model.metadata_props if entry.key != KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    model.metadata_props.add(key=KEY, value=metadata.to_json())


def load_onnx(path: Path | str) -> onnx.ModelProto:
    """Load an ONNX file; raises RadioMLError when it is missing, not ONNX, or its graph is not valid."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(path))
    except FileNotFoundError as error:
        raise RadioMLError(f"{path}: no such file{_how_to_make(Path(path))}") from error
    except (DecodeError, ValueError, OSError, onnx.checker.ValidationError) as error:  # the last: of external data
        raise RadioMLError(f"{path}: not a readable ONNX file: {error}") from error
    if not (model.graph.node and model.graph.input and model.graph.output):
        raise RadioMLError(f"{path}: not an ONNX model, or one without input, layers or output")
    try:
        check_graph(model)
        if found := list(number_problems(model)):
            raise RadioMLError("\n  ".join(["numbers that no network computes with:", *found]))
    except RadioMLError as error:
        raise RadioMLError(f"{path}: {error}") from error
    except (ValueError, TypeError) as error:  # text that is not UTF-8, unknown types of tensors
        raise RadioMLError(f"{path}: a damaged ONNX file: {error}") from error
    return model


def _how_to_make(model: Path) -> str:
    """The command that makes a model which is not there yet, where training has left a checkpoint for it."""
    checkpoint = model.with_name(CHECKPOINT)
    if (model.parent.name, model.name) != (TRAIN, MODEL) or not checkpoint.is_file():
        return ""
    return f"; `radioml export {shlex.quote(str(checkpoint))} --run {shlex.quote(str(model.parent.parent))}` makes it"


def load_exported(path: Path | str) -> tuple[onnx.ModelProto, ModelMetadata]:
    """Load a model that `radioml export` or `import` wrote, with its metadata.

    Raises RadioMLError when the file is not ONNX, was not exported by this tool, or its tensors break the contract
    (`iq` (1, 2, 1024) in, `logits` (1, classes) out).
    """
    model = load_onnx(path)
    entry = next((entry for entry in model.metadata_props if entry.key == KEY), None)
    if entry is None:
        raise RadioMLError(
            f"{path}: the `{KEY}` metadata of `radioml export` are missing. To use an ONNX file of others: "
            f"`radioml import {shlex.quote(str(path))} --run RUN`"
        )
    metadata = ModelMetadata.from_json(entry.value, path)
    expected = [(INPUT_NAME, (1, 2, FRAME_LENGTH)), (OUTPUT_NAME, (1, len(metadata.classes)))]
    for value, (name, shape) in zip((model.graph.input[0], model.graph.output[0]), expected, strict=True):
        found = tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
        if (value.name, found) != (name, shape):
            raise RadioMLError(f"{path}: tensor {value.name!r} {found} where the contract has {name!r} {shape}")
    return model, metadata
