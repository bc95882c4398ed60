"""Benchmarks: `make bench`. Each measures ratios against named baselines in one run; results are JSON.

Benchmarks describe the machine at hand; no test depends on them.
"""
