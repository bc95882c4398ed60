"""Topologies, one a file, behind a registry."""

from training.models import polyphase, vgg10
from training.models.registry import create, topologies

__all__ = ["create", "polyphase", "topologies", "vgg10"]
