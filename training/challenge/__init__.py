"""Challenge ITU-ML5G-PS-007: score, rules, submission, comparison with its entries."""
