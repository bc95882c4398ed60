"""What each stage needs, what of it is here, and how to get the rest, without importing any of it."""
