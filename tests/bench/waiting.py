"""Training with two threads beside a busy process: OpenMP threads that sleep while they wait, against spinning ones.

The program `python -m tests.bench.waiting` trains for some seconds and prints the frames a second.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from tests.repository import REPOSITORY

CORES = 2
BATCH = 256
SECONDS = 4
ROUNDS = 3


def waiting() -> dict[str, Any]:
    """`polyphase_small` in batches of 256 with two threads, on two cores, beside a process that takes one core."""
    passive, spinning = {"OMP_WAIT_POLICY": "passive"}, {}
    allowed = sorted(os.sched_getaffinity(0))
    best = {"passive": 0.0, "spinning": 0.0}
    os.sched_setaffinity(0, allowed[:CORES])  # children inherit it
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        for _ in range(ROUNDS):
            for name, settings in (("passive", passive), ("spinning", spinning)):
                best[name] = max(best[name], _train_with(settings))
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, allowed)
    return {
        "cores": min(CORES, len(allowed)),
        "clock": f"wall clock, best of {ROUNDS} rounds of {SECONDS} s",
        "frames/s": best["passive"],
        "batches/s": best["passive"] / BATCH,
        "baselines": {
            "threads that spin, OpenMP's default": {
                "frames/s": best["spinning"],
                "batches/s": best["spinning"] / BATCH,
                "ratio": best["passive"] / best["spinning"],
            }
        },
    }


def _train_with(settings: dict[str, str]) -> float:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    }
    environment |= {"OMP_NUM_THREADS": str(CORES), "PYTHONPATH": str(REPOSITORY), **settings}
    command = [sys.executable, "-m", "tests.bench.waiting"]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def _train() -> float:
    """Frames a second of training steps on random frames."""
    import torch

    from training.experiments.experiment import load_experiment
    from training.models import create

    experiment = load_experiment("polyphase_small")
    network = create(experiment.topology, experiment.parameters).train()
    optimiser = torch.optim.AdamW(network.parameters())
    iq, class_index = torch.randn(BATCH, 2, 1024), torch.arange(BATCH) % 24

    def step() -> None:
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(iq), class_index).backward()
        optimiser.step()

    step()
    steps, start = 0, time.perf_counter()
    while time.perf_counter() < start + SECONDS:
        step()
        steps += 1
    return steps * BATCH / (time.perf_counter() - start)


if __name__ == "__main__":
    print(_train())
