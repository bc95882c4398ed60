"""Cycles and resources before any RTL exists."""
