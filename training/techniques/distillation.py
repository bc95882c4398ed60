"""Knowledge distillation: a small network learns the logits of a larger, trained one.

G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from radioml.constants import CLASSES, FRAME_LENGTH
from radioml.contract.training_data import TrainingData
from radioml.errors import RadioMLError
from radioml.files import sha256
from training.techniques.section import Section

if TYPE_CHECKING:
    import torch
    from torch import nn


class Distillation(Section):
    """The teacher and its part in the loss.

    teacher: a checkpoint.pth of this tool, of any topology, trained on the same data file; or the name of a shipped
        experiment, which `radioml train` then trains first, see `training.loop.teacher_first`.
    temperature: divisor of the logits; a high temperature brings out the teacher's probabilities of wrong classes.
    weight: of the teacher in the loss; 1 - weight is that of the labels.
    """

    teacher: str
    temperature: float = Field(default=4.0, gt=0)
    weight: float = Field(default=0.7, gt=0, le=1)


def teacher_sha256(settings: Distillation, run: Path) -> str:
    """The teacher's digest; raises RadioMLError for a missing teacher, and for one that `run` would train."""
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
    """A trained network with constant weights, which are not part of the student's checkpoints."""

    def __init__(self, settings: Distillation, data: TrainingData, student: nn.Module) -> None:
        """Load the teacher.

        Args:
            settings: of the experiment.
            data: the student's data file.
            student: the network to be trained; one on statistics has a teacher on the same statistics.

        Raises:
            RadioMLError: for a teacher that cannot be loaded, was trained on another file, or has another input or
                other classes.
        """
        import torch

        from training.models.on_statistics import OnStatistics
        from training.trained.checkpoint import load_checkpoint
        from training.trained.reference import input_quantiser

        self._settings = settings
        trained = load_checkpoint(settings.teacher)
        if trained.training_data.sha256 != data.sha256:
            raise RadioMLError(
                f"{settings.teacher}: the teacher was trained on other data ({trained.training_data.kind}: "
                f"{trained.training_data.identity}) than this run's ({data.kind}: {data.identity}), whose "
                "test frames it may have seen. Train the teacher on this run's file, or choose a teacher that was"
            )
        self._network = trained.network.requires_grad_(False)
        self._on_statistics = isinstance(student, OnStatistics)
        self._cached = torch.empty(0, len(CLASSES))
        own, other = input_quantiser(self._network), input_quantiser(student)
        if own != other:
            raise RadioMLError(
                f"{settings.teacher}: the teacher quantises its input to {own.bits} bits in steps of {own.scale:g}, "
                f"the network to be trained to {other.bits} bits in steps of {other.scale:g}; both must be the same"
            )
        if isinstance(student, OnStatistics) and not student.sees_what(self._network):
            raise RadioMLError(
                f"{settings.teacher}: the network to be trained reads statistics that this teacher does not; "
                "train a teacher with the same front end and the same statistics"
            )
        shape = tuple(self._network(torch.zeros(1, 2, FRAME_LENGTH)).shape)
        if shape != (1, len(CLASSES)):
            raise RadioMLError(
                f"{settings.teacher}: the teacher's logits have shape {shape}; expected (1, {len(CLASSES)})"
            )

    def _answer(self, inputs: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
        """Logits (B, 24). Statistics never change, so the answers to them are cached: float32, 96 bytes a frame."""
        if not self._on_statistics:
            return self._network.to(inputs.device)(inputs)
        import torch

        from training.models.on_statistics import answer

        place = position.cpu()
        if (missing := int(place.max()) + 1 - len(self._cached)) > 0:
            self._cached = torch.cat([self._cached, torch.full((missing, len(CLASSES)), torch.nan)])
        if self._cached[place].isnan().any():
            self._cached[place] = answer(self._network.to(inputs.device), inputs).cpu()
        return self._cached[place].to(inputs.device)

    def loss(
        self, inputs: torch.Tensor, logits: torch.Tensor, class_index: torch.Tensor, position: torch.Tensor
    ) -> torch.Tensor:
        """Loss of a student's logits (B, 24) for frames (B, 2, 1024), or rows of statistics, of true classes (B,).

        position: of the frames in the data file, (B,).

        The loss is (1 - weight) x cross-entropy + weight x T^2 x KL(teacher at T || student at T). The factor T^2 makes
        the proportion of the two parts independent of T (Hinton et al., section 2).
        """
        import torch
        from torch.nn import functional

        settings = self._settings
        with torch.no_grad():
            taught = functional.log_softmax(self._answer(inputs, position) / settings.temperature, 1)
        answered = functional.log_softmax(logits / settings.temperature, 1)
        distance = functional.kl_div(answered, taught, reduction="batchmean", log_target=True)
        labels = functional.cross_entropy(logits, class_index)
        return (1 - settings.weight) * labels + settings.weight * settings.temperature**2 * distance
