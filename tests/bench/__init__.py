"""Benchmarks: `make bench`. Each measures ratios against named baselines in one run; results are JSON.

They say how fast the machine at hand is, and nothing passes or fails by them.
"""
