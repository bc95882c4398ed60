"""The cost of a topology before pruning."""

from __future__ import annotations

import copy

import brevitas.nn as qnn
import torch
from brevitas.export import export_qonnx
from torch import nn

from radioml.constants import FRAME_LENGTH
from radioml.contract.score import Score
from radioml.run_directory import MODEL
from radioml.temporary import temporary_folder
from training.cost.score import score_model
from training.models.exportable import as_exported


def unpruned_score(network: nn.Module) -> Score:
    """The official score of a copy of a network in which no weight is zero."""
    full = copy.deepcopy(network).eval()
    with torch.no_grad():
        for layer in full.modules():
            if isinstance(layer, (qnn.QuantConv1d, qnn.QuantLinear)):
                layer.weight.fill_(1.0)  # weights that are quantised to zero would be discounted
    with temporary_folder("radioml-score") as folder:
        path = folder / MODEL
        export_qonnx(as_exported(full), torch.zeros(1, 2, FRAME_LENGTH), str(path), dynamo=False)
        return score_model(path)
