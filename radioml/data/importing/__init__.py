"""Data of others: files in other layouts, types and orders become RadioML files."""
