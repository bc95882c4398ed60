from __future__ import annotations

import numpy as np
import pytest
import torch

from radioml.quantiser import InputQuantiser
from training.models import create, topologies
from training.models.polyphase import SpaceToDepth
from training.reference import input_quantiser


@pytest.mark.parametrize("phases", [1, 4, 8])
def test_space_to_depth_is_a_view_of_the_frame_for_the_host(phases: int):
    frame = np.arange(2048, dtype=np.float32).reshape(1024, 2)
    channels = SpaceToDepth(phases)(torch.from_numpy(frame.T[None].copy()))[0]
    np.testing.assert_array_equal(channels.T.numpy(), frame.reshape(1024 // phases, 2 * phases))


@pytest.mark.parametrize("topology", topologies())
def test_every_topology_classifies_a_batch_and_learns(topology: str):
    network = create(topology, {})
    logits = network(torch.randn(3, 2, 1024))
    assert logits.shape == (3, 24)
    logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


BASELINE_INPUT = InputQuantiser(bits=8, scale=1 / 64)
PUBLISHED_INPUTS = {"aaronnet": InputQuantiser(bits=6, scale=1 / 16), "amc_team": InputQuantiser(bits=4, scale=1 / 4)}


@pytest.mark.parametrize("topology", topologies())
def test_the_input_quantiser_is_the_published_one(topology: str):
    assert input_quantiser(create(topology, {})) == PUBLISHED_INPUTS.get(topology, BASELINE_INPUT)
