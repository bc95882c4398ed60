"""HDL of the layers, the top that joins them, FINN's library with its patches."""
