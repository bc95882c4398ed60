"""The topology of symbol-synchronous statistics and a small head."""
