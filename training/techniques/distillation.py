"""Knowledge distillation: a small network learns what a larger, trained one answers.

G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from radioml.constants import CLASSES, FRAME_LENGTH
from radioml.errors import RadioMLError
from radioml.files import sha256
from training.section import Section

if TYPE_CHECKING:
    import torch

    from radioml.contract.quantiser import InputQuantiser


class Distillation(Section):
    """Whose answers are learned, and how much they count.

    teacher: a checkpoint.pth of this tool, of any topology, trained on the same data file.
    temperature: logits are divided by it, which brings out what the teacher thinks of the wrong classes.
    weight: of the teacher's answers in the loss; the rest is the labels'.
    """

    teacher: str
    temperature: float = Field(default=4.0, gt=0)
    weight: float = Field(default=0.7, gt=0, le=1)


def teacher_sha256(settings: Distillation, run: Path) -> str:
    """What identifies the teacher; raises RadioMLError where there is none, or where it is the result of `run`."""
    path = Path(settings.teacher)
    if path.resolve().is_relative_to(run.resolve()):
        raise RadioMLError(f"{path}: the teacher is in {run}, which is to be trained; name a checkpoint of another run")
    try:
        return sha256(path)
    except OSError as error:
        raise RadioMLError(
            f"{path}: the teacher of this experiment (distillation.teacher) cannot be read: {error}; train it first, "
            "on the same data, or name another checkpoint"
        ) from error


class Teacher:
    """A trained network that only answers; the student's training neither changes it nor keeps it in checkpoints."""

    def __init__(self, settings: Distillation, data: dict[str, Any], student: InputQuantiser) -> None:
        """Load the teacher.

        data: identity and SHA-256 of what the student is trained on. student: its input quantiser. Raises RadioMLError
        for a checkpoint that cannot be loaded, was trained on another file or is for other frames or classes.
        """
        import torch

        from training.checkpoint import load_checkpoint
        from training.reference import input_quantiser

        self._settings = settings
        trained = load_checkpoint(settings.teacher)
        if trained.training_data.get("sha256") != data["sha256"]:
            raise RadioMLError(
                f"{settings.teacher}: the teacher was trained on other data ({trained.training_data['kind']}: "
                f"{trained.training_data['identity']}) than this run's ({data['kind']}: {data['identity']}), whose "
                "test frames it may have seen; train the teacher on this run's file, or choose one that was"
            )
        self._network = trained.network.requires_grad_(False)
        own = input_quantiser(self._network)
        if own != student:
            raise RadioMLError(
                f"{settings.teacher}: the teacher quantises its input to {own.bits} bits in steps of {own.scale:g}, "
                f"the network to be trained to {student.bits} bits in steps of {student.scale:g}; both must be the same"
            )
        shape = tuple(self._network(torch.zeros(1, 2, FRAME_LENGTH)).shape)
        if shape != (1, len(CLASSES)):
            raise RadioMLError(f"{settings.teacher}: answers in shape {shape}, not (1, {len(CLASSES)})")

    def loss(self, iq: torch.Tensor, logits: torch.Tensor, class_index: torch.Tensor) -> torch.Tensor:
        """Loss of a student's logits (B, 24) for frames (B, 2, 1024) of true classes (B,).

        (1 - weight) x cross-entropy + weight x T^2 x KL(teacher at T || student at T): the T^2 keeps the two parts in
        proportion when T changes (Hinton et al., section 2).
        """
        import torch
        from torch.nn import functional

        settings = self._settings
        with torch.no_grad():
            taught = functional.log_softmax(self._network.to(iq.device)(iq) / settings.temperature, 1)
        answered = functional.log_softmax(logits / settings.temperature, 1)
        distance = functional.kl_div(answered, taught, reduction="batchmean", log_target=True)
        labels = functional.cross_entropy(logits, class_index)
        return (1 - settings.weight) * labels + settings.weight * settings.temperature**2 * distance
