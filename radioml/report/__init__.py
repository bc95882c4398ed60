"""Figures of a run: metrics, tables, plots."""
