"""Golden frames, and why they differ."""
