"""Techniques an experiment may choose from: one a file, its settings beside its code."""
