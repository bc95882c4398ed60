"""The topology of symbol-synchronous statistics and a small head."""

from training.models.symbol_statistics.network import SymbolStatistics

__all__ = ["SymbolStatistics"]
