"""Hyper-parameter search of score against accuracy."""
