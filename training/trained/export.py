"""Export of a checkpoint as QONNX, compared frame by frame with the Brevitas network."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import torch
from brevitas.export import export_qonnx
from onnx import numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model
from torch import nn

from radioml.constants import CLASSES, FRAME_LENGTH
from radioml.contract.golden import GOLDEN_FRAMES, GOLDEN_SEED
from radioml.contract.metadata import INPUT_NAME, OUTPUT_NAME, ModelMetadata, attach
from radioml.contract.quantiser import InputQuantiser
from radioml.data.synthetic import generate_spread
from radioml.errors import RadioMLError
from radioml.files import refuse_inputs, replacing, sha256
from radioml.network.exact_qonnx import ExactQonnx, logits_as_integers
from radioml.run_directory import CHECKPOINT, GOLDEN, MODEL, SCORE
from radioml.temporary import temporary_folder
from training.cost.qonnx_index import indexed
from training.models.exportable import as_exported
from training.models.own_code import messages_of
from training.trained.checkpoint import UNKNOWN, TrainedNetwork, load_checkpoint, save_checkpoint
from training.trained.reference import IntegerNetwork, check_ends, input_quantiser


def export(
    checkpoint: Path,
    folder: Path,
    topology: str | None = None,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Path:
    """Write model.onnx, golden.npz and checkpoint.pth to a folder.

    golden.npz holds synthetic frames, one at each SNR and over all classes (`iq` float32 (26, 1024, 2)), and the
    network's integer logits (`logits` int64 (26, 24)). The QONNX model is written only if it gives the same logits. A
    score.json of an earlier model is removed.

    Args:
        checkpoint: a checkpoint of this tool, or bare sandbox weights.
        folder: the train/ folder of a run directory.
        topology: the network of bare sandbox weights, else None.
        progress: called with the number of golden frames compared and of all.

    Returns:
        Path of model.onnx.

    Raises:
        RadioMLError: for a checkpoint that cannot be loaded, and for a model that differs from Brevitas.
    """
    trained = load_checkpoint(checkpoint, topology)
    target = folder / MODEL
    refuse_inputs([target, folder / GOLDEN, folder / SCORE], [checkpoint])
    with replacing(target) as temporary:
        model = _to_qonnx(trained.network, temporary)
        frames = generate_spread(GOLDEN_FRAMES, GOLDEN_SEED)
        quantiser = input_quantiser(trained.network)
        network = IntegerNetwork(trained.network)
        logits = network(frames.iq)
        compare(model, frames.iq, logits, network.logit_scale, progress)
        # The model is renamed last: until then the earlier model names another checkpoint, and so is known to be old.
        exported = folder / CHECKPOINT
        if trained.training_data.kind == UNKNOWN:  # bare weights lack the name of their network
            save_checkpoint(exported, load_checkpoint(checkpoint, topology))  # `trained` is in double precision by now
        elif checkpoint.resolve() != exported.resolve():
            with replacing(exported) as temporary_copy:
                shutil.copyfile(checkpoint, temporary_copy)
        attach(model, _metadata(trained, quantiser, network.logit_scale, sha256(exported)))
        onnx.save(model, str(temporary))
        with replacing(folder / GOLDEN) as golden:
            np.savez_compressed(golden, iq=frames.iq, logits=logits)
        (folder / SCORE).unlink(missing_ok=True)  # it belongs to the earlier model
    return target


def rehearse(network: nn.Module, topology: str) -> None:
    """Check an untrained network against the contract of topologies, before time is spent on training it.

    The contract: `docs/bring_your_own_network.md`. The network itself is left as it is. Raises RadioMLError that says
    what of the contract it breaks, or in which line its code fails.
    """
    trial = copy.deepcopy(network).eval()
    iq = generate_spread(2, GOLDEN_SEED).iq
    with messages_of(topology), torch.no_grad():
        logits = trial(torch.from_numpy(iq).permute(0, 2, 1))
    if not isinstance(logits, torch.Tensor) or logits.shape != (2, len(CLASSES)):
        found = f"{tuple(logits.shape)}" if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise RadioMLError(
            f"topology {topology!r}: forward makes {found} of samples (2, 2, {FRAME_LENGTH}); it has to make logits "
            f"(2, {len(CLASSES)}), a plain tensor (return_quant_tensor=False in the last layer)"
        )
    check_ends(trial, topology)
    with temporary_folder("radioml-export") as folder, messages_of(topology):
        model = _to_qonnx(trial, folder / MODEL)
        _check_input(model, input_quantiser(trial), topology)
        integer = IntegerNetwork(trial)
        compare(model, iq, integer(iq), integer.logit_scale)


def _check_input(model: onnx.ModelProto, quantiser: InputQuantiser, topology: str) -> None:
    """Raise RadioMLError unless the samples are quantised before anything else, as the host will do."""
    readers = [node for node in model.graph.node if INPUT_NAME in node.input]
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    scale = constants.get(readers[0].input[1]) if readers[0].op_type == "Quant" else None
    if len(readers) > 1 or scale is None or numpy_helper.to_array(scale).item() != quantiser.scale:
        raise RadioMLError(
            f"topology {topology!r}: {', '.join(node.op_type for node in readers)} reads the samples; the first "
            "QuantIdentity of the network must quantise them, before anything else"
        )


def _to_qonnx(network: nn.Module, path: Path) -> onnx.ModelProto:
    """A network as QONNX, with the names of the contract; path: a file for the intermediate model."""
    export_qonnx(
        as_exported(network), torch.zeros(1, 2, FRAME_LENGTH), str(path), dynamo=False,
        input_names=[INPUT_NAME], output_names=[OUTPUT_NAME],
    )  # fmt: skip
    with indexed():
        wrapper = cleanup_model(_reading_once(ModelWrapper(str(path))))
    wrapper.rename_tensor(wrapper.graph.input[0].name, INPUT_NAME)
    wrapper.rename_tensor(wrapper.graph.output[0].name, OUTPUT_NAME)
    return wrapper.model


def _reading_once(model: ModelWrapper) -> ModelWrapper:
    """Insert an Identity where a node reads a tensor twice, as in `x * x`: qonnx renames only one of two equal
    inputs."""
    for node in list(model.graph.node):
        for index, name in enumerate(node.input):
            if name and name in node.input[:index]:
                node.input[index] = f"{node.output[0]}_{index}"
                same = onnx.helper.make_node("Identity", [name], [node.input[index]])
                model.graph.node.insert(list(model.graph.node).index(node), same)
    return model


def compare(
    model: onnx.ModelProto,
    iq: np.ndarray,
    expected: np.ndarray,
    scale: float,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> None:
    """Compare the logits of a QONNX model, executed in double precision, with those of the reference.

    Args:
        model: the QONNX graph.
        iq: frames float32 (N, 1024, 2).
        expected: logits of the reference, int64 (N, classes).
        scale: value of one step of the integer logits.
        progress: called with the number of frames compared and of all.

    Raises:
        RadioMLError: at the first logit that differs or is no integer multiple of `scale`.
    """
    execute = ExactQonnx(model)
    for index, frame in enumerate(iq):
        integers = logits_as_integers(execute(frame[None])[0], scale)
        if (integers != expected[index]).any():
            at = int(np.flatnonzero(integers != expected[index])[0])
            raise RadioMLError(
                f"the exported model differs from Brevitas: frame {index}, logit {at} ({CLASSES[at]}): "
                f"{integers[at]} instead of {expected[index, at]}"
            )
        progress(index + 1, len(iq))


def _metadata(
    trained: TrainedNetwork, quantiser: InputQuantiser, logit_scale: float, checkpoint_sha256: str
) -> ModelMetadata:
    return ModelMetadata(
        topology=trained.topology,
        classes=CLASSES,
        quantiser=quantiser,
        logit_scale=logit_scale,
        checkpoint_sha256=checkpoint_sha256,
        training_data=trained.training_data,
        accuracy=trained.accuracy,
    )
