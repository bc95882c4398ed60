"""Topologies, one a file, behind a registry."""

from training.models import aaronnet, amc_team, bacalhaunet, imperial_ipc, polyphase, symbol_statistics, vgg10
from training.models.own_code import is_own, load_own, loaded
from training.models.registry import create, topologies, topology

__all__ = [
    "aaronnet",
    "amc_team",
    "bacalhaunet",
    "create",
    "imperial_ipc",
    "is_own",
    "load_own",
    "loaded",
    "polyphase",
    "symbol_statistics",
    "topologies",
    "topology",
    "vgg10",
]
