"""The topology of symbol-synchronous statistics: a small head, and a wide one as its teacher."""

from training.models.symbol_statistics.network import SymbolStatistics
from training.models.symbol_statistics.wide import WideSymbolStatistics

__all__ = ["SymbolStatistics", "WideSymbolStatistics"]
