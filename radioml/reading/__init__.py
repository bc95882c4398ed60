"""Readers of files that a user can hand over or damage: one for each kind, which raises RadioMLError alone.

Text, JSON and YAML are in `text`, NumPy's arrays in `arrays`, ZIP archives in `archive`, and plain values become
dataclasses in `records`. HDF5 is read by `radioml.data.dataset`, ONNX by `radioml.contract.metadata` and, of others, by
`radioml.foreign.reading`, checkpoints by `training.trained.checkpoint`.
"""
